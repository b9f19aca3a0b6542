#!/bin/sh
# Obeys the file contract of spec/fate-flow.md 15 in place of fate_component. What it does is
# chosen by the task's parameter "mode".
set -eu
command="$2"
shift 2
config="" result="" define=""
while [ $# -gt 0 ]; do
  case "$1" in
    --config) config="$2" ;;
    --execution-final-meta-path) result="$2" ;;
    --output-path) define="$2" ;;
  esac
  shift 2
done

define_file() {
  cat > "$define" <<'YAML'
inputs:
  data:
  - {name: input_data, is_multi: false, optional: false,
     types: [{type_name: dataframe, uri_types: [eggroll], path_type: distributed}]}
  model: []
outputs:
  data:
  - {name: output_data, is_multi: false, optional: false,
     types: [{type_name: dataframe, uri_types: [eggroll], path_type: distributed}]}
  model:
  - {name: json_model_output, is_multi: false, optional: false,
     types: [{type_name: json_model, uri_types: [file], path_type: file}]}
  metric:
  - {name: metric, is_multi: false, optional: true,
     types: [{type_name: json_metric, uri_types: [file, http], path_type: file}]}
YAML
}

success() {
  mkdir -p output/json_model_output
  printf '{"test_role": "guest"}' > output/json_model_output/json_model
  cat > "$result" <<JSON
{"status": {"code": 0}, "io_meta": {"inputs": {}, "outputs": {
  "data": {"output_data": {"uri": "eggroll:///ns_x/frame_1", "type_name": "dataframe",
    "consumed": true, "metadata": {"namespace": "ns_x", "name": "frame_1",
      "metadata": {"schema": {"schema_meta": {"fields": []}}},
      "data_overview": {"count": 3, "samples": [["1", "1", 0.5]]},
      "source": {"task_name": "toy"}}}},
  "model": {"json_model_output": {"uri": "file://$PWD/output/json_model_output/json_model",
    "type_name": "json_model", "metadata": {"metadata": {}, "source": {"task_id": "t"}}}},
  "metric": {}}}}
JSON
}

case "$command" in
  artifact-type) define_file ;;
  cleanup) echo cleaned > cleaned.txt ;;
  execute)
    case "$(cat "$config")" in
      *'"mode": "fail"'*)
        echo '{"status": {"code": -1, "exceptions": "column y is missing"}}' > "$result"
        exit 1 ;;
      *'"mode": "crash"'*) echo "half a line"; kill -9 $$ ;;
      *'"mode": "silent"'*) exit 0 ;;
      *'"mode": "sleep"'*) sleep 600 & wait ;;
      *'"mode": "until"'*) while [ ! -e go ]; do sleep 0.02; done; success ;;
      *) success ;;
    esac ;;
esac
