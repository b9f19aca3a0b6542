#pragma once

// Stored tables as CSV files (spec/fate-flow.md 17.3): numbers in Python's text form, the names
// of the fields as first line. Rows stream; memory does not depend on the table.

#include <string>

#include "fateflow/answer.h"

namespace fate::flow {

class StorageClient;

// `table`: a record of t_storage_table_meta of type dataframe or table. `stem` gets ".csv" and
// ".meta". Error: kUnimplemented for another data type.
absl::Status ExportCsv(StorageClient& storage, const Json& table, const std::string& stem);

// Python's str() of a number with this dtype: "1", "0.5", "1e-05", "True", "nan".
std::string PythonText(double value, const std::string& dtype);

}  // namespace fate::flow
