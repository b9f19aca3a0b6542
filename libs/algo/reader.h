#pragma once

// reader (spec/federated-algorithms.md 4.2): names a stored table as the input of what follows;
// the next component opens it.

#include "algo/component.h"

namespace fate::algo {

// Parameters: namespace, name.
Component Reader();

}  // namespace fate::algo
