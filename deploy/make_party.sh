#!/usr/bin/env bash
# Writes one party's folder: conf/, data/, logs/, supervisord.conf, service.sh.
# Usage: deploy/make_party.sh FOLDER PARTY_ID ADDRESS PEER_ID=PEER_ADDRESS...
# An existing folder keeps its data and logs; configuration is written anew.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
[ $# -ge 3 ] || { sed -n '2,4p' "$0" | sed 's/^# //' >&2; exit 2; }
mkdir -p "$1"
folder=$(cd "$1" && pwd)
party=$2
address=$3
shift 3
bin=${FATE_BIN:-$root/build/release/bin}
cores=${FATE_CORES:-32}
eggs=${FATE_EGGS_PER_NODE:-4}
mkdir -p "$folder"/{conf,data/eggroll,logs/eggroll,logs/supervisord}

sed -e "s|^\(eggroll\..*\.host\)=127\.0\.0\.1$|\1=$address|" \
    -e "s|jdbc:sqlite:.*|jdbc:sqlite:$folder/data/eggroll_meta.db|" \
    -e "s|^eggroll.data.dir=.*|eggroll.data.dir=$folder/data/eggroll|" \
    -e "s|^eggroll.logs.dir=.*|eggroll.logs.dir=$folder/logs/eggroll|" \
    -e "s|^eggroll.rollsite.route.table.path=.*|eggroll.rollsite.route.table.path=$folder/conf/route_table.json|" \
    -e "s|^eggroll.rollsite.party.id=.*|eggroll.rollsite.party.id=$party|" \
    -e "s|^eggroll.session.processors.per.node=.*|eggroll.session.processors.per.node=$eggs|" \
    "$root/conf/eggroll.properties" >"$folder/conf/eggroll.properties"

sed -e "s|^party_id:.*|party_id: \"$party\"|" \
    -e "s|host: 127\.0\.0\.1|host: $address|" \
    -e "s|path: data/|path: $folder/data/|" \
    -e "s|path: model$|path: $folder/model|" \
    -e "s|cores: 32|cores: $cores|" \
    "$root/conf/service_conf.yaml" >"$folder/conf/service_conf.yaml"
cp "$root/conf/job_default_config.yaml" "$folder/conf/"

{
  printf '{\n  "route_table": {\n'
  printf '    "%s": {"fateflow": [{"ip": "%s", "port": 9360}]}' "$party" "$address"
  for peer in "$@"; do
    printf ',\n    "%s": {"default": [{"ip": "%s", "port": 9370}]}' "${peer%%=*}" "${peer#*=}"
  done
  printf '\n  },\n  "self_party": ["%s"],\n  "permission": {"default_allow": true}\n}\n' "$party"
} >"$folder/conf/route_table.json"

program() { # name, priority, command
  cat <<EOF

[program:$1]
command=$3
directory=$folder
priority=$2
autostart=true
autorestart=true
startsecs=1
startretries=10
stopwaitsecs=15
redirect_stderr=true
stdout_logfile=$folder/logs/$1.log
stdout_logfile_maxbytes=50MB
stdout_logfile_backups=5
EOF
}
properties="--config $folder/conf/eggroll.properties -s party-$party"
{
  cat <<EOF
[unix_http_server]
file=$folder/supervisor.sock
chmod=0700

[supervisord]
logfile=$folder/logs/supervisord/supervisord.log
pidfile=$folder/supervisord.pid
childlogdir=$folder/logs/supervisord
minfds=1024
identifier=party-$party

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface

[supervisorctl]
serverurl=unix://$folder/supervisor.sock
EOF
  program fate-clustermanager 10 "$bin/clustermanager $properties"
  program fate-nodemanager 20 "$bin/nodemanager $properties"
  program fate-storage 30 "$bin/storage_service $properties"
  program fate-rollsite 40 "$bin/rollsite $properties"
  program fate-fateflow 50 "$bin/fateflow --config $folder/conf/service_conf.yaml --home $folder -s party-$party"
} >"$folder/supervisord.conf"

sed -e "s|@FOLDER@|$folder|" "$root/deploy/service.sh.in" >"$folder/service.sh"
chmod +x "$folder/service.sh"
echo "party $party at $address: $folder"
