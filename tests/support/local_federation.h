#pragma once

// Several parties inside the test process: each has a cluster manager that knows one session and
// real eggs (libs/egg) on free ports; one rollsite for all hands packets to the receiver's eggs as
// spec/eggroll-compute-and-storage.md 10.2 says. For tests that run whole components without
// daemons. Cluster managers and rollsite are the simplest that do; eggs, session and federation
// are the real ones.

#include <memory>
#include <string>
#include <vector>

#include "compute/operators.h"
#include "compute/session.h"
#include "federation/federation.h"

namespace fate::testing {

class LocalParty;

class LocalFederation {
 public:
  // `operators` must outlive this; the built-in ones and federation's are added to it.
  LocalFederation(std::vector<federation::Party> parties, compute::OperatorRegistry& operators,
                  int eggs_per_party = 2);
  ~LocalFederation();

  compute::Session& session(size_t party);
  federation::Federation& federation(size_t party);
  // Every pair that crossed from one party to another, keys and values one after the other.
  std::string Crossed(const federation::Party& from, const federation::Party& to) const;
  // Every pair that lies in the party's tables, in the same form.
  std::string Stored(size_t party) const;

 private:
  class Rollsite;
  std::unique_ptr<Rollsite> rollsite_;
  std::vector<std::unique_ptr<LocalParty>> parties_;
};

}  // namespace fate::testing
