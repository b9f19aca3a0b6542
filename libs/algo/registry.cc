#include "algo/registry.h"

#include "algo/dataframe_transformer.h"
#include "algo/reader.h"
#include "algo/secure_add.h"
#include "algo/toy_example.h"
#include "algo/upload.h"
#include "dataframe/data_frame.h"

namespace fate::algo {

void RegisterAllOperators(compute::OperatorRegistry& registry) {
  dataframe::RegisterDataFrameOperators(registry);
  RegisterSecureAddOperators(registry);
  RegisterToyExampleOperators(registry);
  RegisterDataFrameTransformerOperators(registry);
}

void RegisterAllComponents(ComponentRegistry& registry) {
  registry.Add(SecureAddExample());
  registry.Add(ToyExample());
  registry.Add(Upload());
  registry.Add(Reader());
  registry.Add(DataFrameTransformer());
}

}  // namespace fate::algo
