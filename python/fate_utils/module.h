#pragma once

// The parts of the module, one for each of FATE's submodules. Every long call lets go of the
// interpreter's lock; what it reads is immutable meanwhile (vector.h says how).

#include <pybind11/pybind11.h>

namespace fate::python {

void DefineHash(pybind11::module_ m);
void DefineHistogram(pybind11::module_ m);
void DefineOu(pybind11::module_ m);
void DefinePaillier(pybind11::module_ m);
void DefinePsi(pybind11::module_ m);
void DefineQuantile(pybind11::module_ m);
void DefineSecureAggregation(pybind11::module_ m);

}  // namespace fate::python
