#include "algo/registry.h"

#include "algo/binning/hetero_feature_binning.h"
#include "algo/dataframe_transformer.h"
#include "algo/psi/psi.h"
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
  RegisterPsiOperators(registry);
  RegisterBinningOperators(registry);
}

void RegisterAllComponents(ComponentRegistry& registry) {
  registry.Add(SecureAddExample());
  registry.Add(ToyExample());
  registry.Add(Upload());
  registry.Add(Reader());
  registry.Add(DataFrameTransformer());
  registry.Add(Psi());
  registry.Add(HeteroFeatureBinning());
}

}  // namespace fate::algo
