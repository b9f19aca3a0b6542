#!/usr/bin/env bash
# Two federated parties on this machine: packages, build, daemons under supervisord, the toy
# secure sum and a job on real data. Safe to repeat.
#
#   bash deploy/quickstart.sh            set up, start and try
#   bash deploy/quickstart.sh --status   what is running
#   bash deploy/quickstart.sh --down     stop both parties; data stay
#   bash deploy/quickstart.sh --clean    stop and remove run/
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
run=$root/run
guest=9999 guest_ip=127.0.0.1
host=10000 host_ip=127.0.0.2
guest_folder=$run/party-$guest
host_folder=$run/party-$host
say() { printf '\n== %s\n' "$*"; }

supervised() { [ -S "$1/supervisor.sock" ] && supervisorctl -c "$1/supervisord.conf" pid >/dev/null 2>&1; }

down() {
  local folder pid
  for folder in "$guest_folder" "$host_folder"; do
    if supervised "$folder"; then
      pid=$(supervisorctl -c "$folder/supervisord.conf" pid)
      supervisorctl -c "$folder/supervisord.conf" shutdown
      timeout 30 tail --pid="$pid" -f /dev/null || echo "supervisord $pid of $folder still runs" >&2
    else
      echo "$folder: not running"
    fi
  done
}

status() {
  local folder code=0
  for folder in "$guest_folder" "$host_folder"; do
    echo "$folder"
    if supervised "$folder"; then
      supervisorctl -c "$folder/supervisord.conf" status || code=$?
    else
      echo "not running; start with: bash deploy/quickstart.sh"
      code=3
    fi
  done
  return $code
}

# Waits for the health address of every daemon of a party.
wait_healthy() { # address
  local deadline=$((SECONDS + 30)) port
  for port in 14670 14671 17778 19370 9380; do
    until curl -fs -o /dev/null --max-time 2 "http://$1:$port/healthz"; do
      if [ $SECONDS -ge $deadline ]; then
        echo "$1:$port is not healthy: $(curl -s --max-time 2 "http://$1:$port/healthz" || true)" >&2
        echo "look into run/party-*/logs/" >&2
        return 1
      fi
      sleep 0.1
    done
  done
}

start_party() { # folder address
  if supervised "$1"; then
    supervisorctl -c "$1/supervisord.conf" update >/dev/null
    supervisorctl -c "$1/supervisord.conf" start all >/dev/null || true
  else
    rm -f "$1/supervisor.sock"
    supervisord -c "$1/supervisord.conf"
  fi
  wait_healthy "$2"
}

case "${1:-}" in
  --down) down; exit 0 ;;
  --status) status; exit $? ;;
  --clean) down; rm -rf "$run"; echo "removed $run"; exit 0 ;;
  -h | --help) sed -n '2,8p' "$0" | sed 's/^# \{0,1\}//'; exit 0 ;;
  "") ;;
  *) echo "unknown option $1; see --help" >&2; exit 2 ;;
esac

say "1/6 packages"
bash "$root/deploy/packages.sh"
say "2/6 build"
bash "$root/deploy/build.sh" release rollsite clustermanager nodemanager egg_pair storage_service fateflow fate_component fate
say "3/6 two parties: $guest at $guest_ip, $host at $host_ip"
bash "$root/deploy/make_party.sh" "$guest_folder" $guest $guest_ip $host=$host_ip
bash "$root/deploy/make_party.sh" "$host_folder" $host $host_ip $guest=$guest_ip
bash "$root/deploy/example_data.sh" "$run/data"
say "4/6 daemons"
start_party "$guest_folder" $guest_ip
start_party "$host_folder" $host_ip
status
fate=$root/build/release/bin/fate
export FATE_FLOW=http://$guest_ip:9380
say "5/6 toy: a sum that neither party could compute alone"
"$fate" toy --guest $guest --host $host
say "6/6 a job on real data"
"$fate" demo --guest-flow "http://$guest_ip:9380" --host-flow "http://$host_ip:9380" --data "$run/data"

cat <<EOF

Both parties are running. What to try next:
  build/release/bin/fate status                    the latest jobs of party $guest
  build/release/bin/fate toy --guest $host --host $guest --flow http://$host_ip:9380
  build/release/bin/fate log JOB --task psi_0      what a task wrote
  build/release/bin/fate --help                    all commands; eval "\$(fate completion bash)"
  run/party-$guest/service.sh status all           the programs; also start, stop, restart
  curl http://$guest_ip:19370/metrics              figures of a daemon
  bash deploy/quickstart.sh --down                 stop everything; --clean also removes run/
Read on: README.md, docs/life_of_a_job.md
EOF
