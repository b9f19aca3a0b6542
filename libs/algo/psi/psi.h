#pragma once

// Private set intersection after Diffie and Hellman on Curve25519
// (spec/federated-algorithms.md 5.1): a guest and one or more hosts learn which rows they have
// in common, by match id as text, and keep those, all under the guest's sample ids and in the
// same order (dataframe/data_frame.h).
//
//   guest                                               host
//   a H(id), by block     -- guest_first_sign -->       b (a H(id)) -> where at the guest
//   a (b H(id)) -> where  <-- host_first_sign --        b H(id), by block
//   join by point         <-- guest_second_sign --
//   sample id -> where at the host  -- host_indexer --> rows under the guest's sample ids
//
// A match id may occur several times at the guest (the host's row is repeated), once at a host.
// The guest learns which of its ids the hosts have; a host learns which of its rows the guest has.

#include "algo/component.h"
#include "compute/operators.h"

namespace fate::algo {

Component Psi();
void RegisterPsiOperators(compute::OperatorRegistry& registry);

}  // namespace fate::algo
