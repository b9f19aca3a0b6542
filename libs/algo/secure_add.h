#pragma once

// secure_add_example, the toy that shows the whole path (spec/federated-algorithms.md 3.1): guest
// and host each hold data_num ones, split every one into two random shares, swap one share table
// and add. Neither party sees a value of the other; the guest learns the total, 2 * data_num.
//
//   guest                                       host
//   x = x1 + x2  --------- x2 (table) ------->  y = y1 + y2
//                <-------- y1 (table) --------
//   guest sum = sum(x1 + y1)                    host sum = sum(y2 + x2)
//                <--------- host sum ---------
//
// Shares are multiples of 2^-51, so that every row adds up exactly; sums are compensated.

#include "algo/component.h"
#include "compute/operators.h"

namespace fate::algo {

// Parameters: data_num (1000), partition (1), seed (none: the shares are drawn from the system's
// generator; a seed makes them reproducible, hence no secret: for tests).
Component SecureAddExample();

// map "secure_add.rows" (fate.SecureAddRows), map "secure_add.split" (fate.SecureAddSplit),
// join "secure_add.add", fold "secure_add.sum" (CompensatedSum)
void RegisterSecureAddOperators(compute::OperatorRegistry& registry);

}  // namespace fate::algo
