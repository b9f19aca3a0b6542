#include "fate_utils/module.h"

#include "fate_utils/settings.h"

namespace fate::python {

PYBIND11_MODULE(fate_utils, m) {
  m.doc() = "FATE's fate_utils, on native FATE's cryptography library.";
  m.def("set_threads", &SetThreads, pybind11::arg("threads"),
        "How many threads a call may use; at first FATE_UTILS_THREADS, or 1.");
  m.def("threads", [] { return Threads().threads(); });
  DefineHash(m.def_submodule("hash"));
  DefineHistogram(m.def_submodule("histogram"));
  DefineOu(m.def_submodule("ou"));
  DefinePaillier(m.def_submodule("paillier"));
  DefinePsi(m.def_submodule("psi"));
  DefineQuantile(m.def_submodule("quantile"));
  DefineSecureAggregation(m.def_submodule("secure_aggregation_helper"));
}

}  // namespace fate::python
