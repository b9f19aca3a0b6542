#pragma once

// What a federated component is: a function that reads its inputs from a TaskContext, talks to
// the other parties through it, and leaves outputs, metrics and a model there. fate_component
// builds the context from the file contract of spec/fate-flow.md 15.

#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "compute/session.h"
#include "dataframe/data_frame.h"
#include "federation/federation.h"

namespace fate::algo {

class TaskContext {
 public:
  virtual ~TaskContext() = default;

  virtual const std::string& role() const = 0;
  virtual const std::string& party_id() const = 0;
  virtual const std::string& stage() const = 0;          // "train", "predict", "default", ...
  virtual const nlohmann::json& parameters() const = 0;  // object
  virtual int computing_partitions() const = 0;

  // Opened on first use. federation(): kFailedPrecondition for a component without peers.
  virtual absl::StatusOr<compute::Session*> session() = 0;
  virtual absl::StatusOr<federation::Federation*> federation() = 0;

  // Inputs by the key of the component's definition ("input_data", "train_data", "table").
  // Error: kNotFound naming key and component.
  virtual absl::StatusOr<dataframe::DataFrame> InputFrame(const std::string& key) = 0;
  // A raw table with its metadata (json: "schema" of the data entry).
  virtual absl::StatusOr<std::pair<compute::Table, nlohmann::json>> InputTable(
      const std::string& key) = 0;
  virtual absl::StatusOr<nlohmann::json> InputModel(const std::string& key) = 0;

  // The output is stored and published under this name instead of the one in its URI. Call it
  // before the output is written. Error: kInvalidArgument for a name that cannot be a table's.
  virtual absl::Status NameOutput(const std::string& key, const std::string& name_space,
                                  const std::string& name) = 0;
  // An empty table where the output belongs, for components that fill it themselves.
  virtual absl::StatusOr<compute::Table> CreateOutput(const std::string& key, int partitions) = 0;
  // Stores the frame where the output belongs (copying the table when it lies elsewhere).
  virtual absl::Status OutputFrame(const std::string& key, const dataframe::DataFrame& frame) = 0;
  virtual absl::Status OutputTable(const std::string& key, const compute::Table& table,
                                   const nlohmann::json& schema, int64_t count,
                                   const nlohmann::json& samples) = 0;
  // An output that already exists under namespace and name (reader).
  virtual absl::Status OutputReference(const std::string& key, const std::string& name_space,
                                       const std::string& name) = 0;
  virtual absl::Status OutputModel(const std::string& key, const nlohmann::json& model) = 0;

  // One metric record (spec/fate-flow.md 18): posted to the flow server at once.
  virtual absl::Status Metric(const std::string& name, const std::string& type,
                              const nlohmann::json& data) = 0;

  // A line of the component's log files, with the source position upstream's tools look for
  // ("secure_add_guest.py[line:121]"); `source` may be empty.
  virtual void Log(const std::string& source, const std::string& message) = 0;
};

// What a component takes and gives, for the define file (spec/fate-flow.md 15.2).
struct Artifact {
  std::string name;  // "input_data"
  std::string type;  // "dataframe", "table", "data_unresolved", "json_model", "json_metric"
  bool is_multi = false;
  bool optional = false;
  std::vector<std::string> stages;  // empty: every stage
};

struct Component {
  std::string name;                // "psi"
  std::string provider = "fate";   // or "fate_flow"
  std::vector<std::string> roles;  // {"guest", "host"}
  std::vector<Artifact> input_data, input_model, output_data, output_model;
  // Checks parameters before anything starts: kInvalidArgument naming the parameter.
  std::function<absl::Status(const nlohmann::json& parameters)> check_parameters;
  std::function<absl::Status(TaskContext&)> run;
};

class ComponentRegistry {
 public:
  void Add(Component component);
  // nullptr when unknown.
  const Component* Find(const std::string& name) const;
  std::vector<std::string> Names() const;

 private:
  std::map<std::string, Component> components_;
};

}  // namespace fate::algo
