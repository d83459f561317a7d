#!/usr/bin/env bash
# Tries scripts/slurm-extract.sbatch on a Slurm of one node, which this script starts on this machine and stops again: an array of
# four tasks, of which one is requeued in its middle and another killed (kill -9) in its middle and requeued. The cache of the four
# must be whole and have a row for every picture. FOLDER/one is the cache of one run, for who wants to compare the features too.
#
# Usage: scripts/slurm-try.sh [FOLDER]
#   FOLDER     a new folder, kept with pictures, both caches and all logs; a temporary one when left out
#   EXTRACTOR  the program; the one built in Release here when it isn't set
#
# Needs Slurm and Munge. Where they are missing, root with apt gets them installed (slurmctld slurmd slurm-client munge) and keeps
# them. Exit code 77: they are missing and can't be installed. Everything else lies in FOLDER, and listens on 127.0.0.1 only.
set -euo pipefail
case ${1-} in
  -h | --help) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"; exit 0 ;;
  -*) echo "error: no option '$1'. See --help." >&2; exit 2 ;;
esac
(($# <= 1)) || { echo "error: one folder at most. See --help." >&2; exit 2; }
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
shards=4 pictures=160

fail() {
  echo "error: $1" >&2
  exit 1
}
say() { echo "$(date +%T) $1"; }

export EXTRACTOR=${EXTRACTOR:-$(find "$root/extractor/bin/Release" -type f -name extractor -perm -u+x -not -path '*/publish/*' 2>/dev/null | head -n 1)}
[[ -x $EXTRACTOR ]] || fail "no extractor. Build it (dotnet build extractor -c Release), or name one: EXTRACTOR=FILE $0"

# munged, slurmctld and slurmd lie in /usr/sbin, which is not in everybody's PATH.
PATH=$PATH:/usr/sbin:/sbin
missing() { for program in munged slurmctld slurmd sbatch squeue scontrol; do command -v "$program" >/dev/null || echo "$program"; done; }
if [[ -n $(missing) ]] && ((EUID == 0)) && command -v apt-get >/dev/null; then
  say "Installing Slurm"
  (apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends slurmctld slurmd slurm-client munge) >&2 || true
fi
if [[ -n $(missing) ]]; then
  echo "skipped: not installed: $(missing | paste -sd' '). On Debian and Ubuntu: apt-get install slurmctld slurmd slurm-client munge" >&2
  exit 77
fi

if (($#)); then
  [[ ! -e $1 || -z $(ls -A "$1") ]] || fail "$1 is not empty. Name a new folder."
  mkdir -p "$1"
  work=$(cd "$1" && pwd)
else
  # Short, because the socket's path in it must not exceed 107 characters.
  work=$(mktemp -d)
fi
keep=$#
etc=$work/slurm
mkdir -p "$etc/state" "$etc/spool" "$work/logs"
# Munge wants them closed to others.
chmod 755 "$etc"

# --- Slurm, and its end whatever happens -------------------------------------------------------------------------------------

daemons=()
stop() {
  local status=$? pid
  trap - EXIT
  set +e
  if ((${#daemons[@]} > 1)); then
    # The tasks first, because they outlive slurmd.
    timeout 10 scancel --user="$(id -un)" 2>/dev/null
    for ((i = 0; i < 100; i++)); do
      [[ -n $(timeout 10 squeue --noheader 2>/dev/null) ]] || break
      sleep 0.1
    done
  fi
  for ((i = ${#daemons[@]} - 1; i >= 0; i--)); do
    pid=${daemons[i]}
    kill "$pid" 2>/dev/null
    for ((j = 0; j < 100; j++)); do
      kill -0 "$pid" 2>/dev/null || break
      sleep 0.1
    done
    kill -9 "$pid" 2>/dev/null
    wait "$pid" 2>/dev/null
  done
  if ((status != 0)); then
    for log in "$etc"/*.log "$work"/logs/*; do
      [[ -s $log ]] && { echo "--- $log"; tail -n 20 "$log"; } >&2
    done
  fi
  ((keep)) || rm -rf "$work"
  exit "$status"
}
trap stop EXIT
trap 'exit 130' INT TERM

free_port() {
  local port
  while :; do
    port=$((20000 + RANDOM % 12000))
    [[ $port != "${1-}" ]] && ! (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break
  done
  echo "$port"
}

host=$(hostname -s) user=$(id -un)
control_port=$(free_port)
node_port=$(free_port "$control_port")
# Loopback only; a requeued task is to start again within seconds (cred_expire); nothing of systemd or cgroups.
cat >"$etc/slurm.conf" <<END
ClusterName=try
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$control_port
SlurmdPort=$node_port
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
SlurmUser=$user
SlurmdUser=$user
AuthType=auth/munge
AuthInfo=socket=$etc/munge.sock,cred_expire=5
StateSaveLocation=$etc/state
SlurmdSpoolDir=$etc/spool
SlurmctldPidFile=$etc/slurmctld.pid
SlurmdPidFile=$etc/slurmd.pid
SlurmctldLogFile=$etc/slurmctld.log
SlurmdLogFile=$etc/slurmd.log
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SwitchType=switch/none
MpiDefault=none
ReturnToService=2
JobRequeue=1
AccountingStorageType=accounting_storage/none
NodeName=$host NodeAddr=127.0.0.1 CPUs=2 RealMemory=2000 State=UNKNOWN
PartitionName=all Nodes=$host Default=YES MaxTime=INFINITE State=UP
END
export SLURM_CONF=$etc/slurm.conf
head -c 1024 /dev/urandom >"$etc/munge.key"
chmod 600 "$etc/munge.key"

say "Starting Slurm ($(slurmd -V | cut -d' ' -f2)) on ports $control_port and $node_port"
munged --foreground --force --key-file="$etc/munge.key" --socket="$etc/munge.sock" --pid-file="$etc/munged.pid" \
  --seed-file="$etc/munged.seed" --log-file="$etc/munged.log" >"$etc/munged.out.log" 2>&1 &
daemons+=($!)
for ((i = 0; i < 100; i++)); do [[ -S $etc/munge.sock ]] && break; sleep 0.1; done
slurmctld -D -f "$SLURM_CONF" >/dev/null 2>&1 &
daemons+=($!)
slurmd -D -f "$SLURM_CONF" >/dev/null 2>&1 &
daemons+=($!)

# Waits up to three minutes until a command succeeds.
until_true() {
  local what=$1 end=$((SECONDS + 180))
  shift
  until "$@"; do
    ((SECONDS < end)) || fail "waited three minutes in vain: $what."
    sleep 0.02
  done
}
node_is_idle() { [[ $(sinfo --noheader --format=%T 2>/dev/null) == idle ]]; }
until_true "the node is ready" node_is_idle

# --- What there is to do ------------------------------------------------------------------------------------------------------

# Features so wide (64 x 112 x 112 values, 3.2 MB a picture) that a part of the cache holds ten rows: a task is always in the middle
# of something. The first convolution of a VGG, with seeded weights.
perl -e 'my $h = q({"features.0.weight":{"dtype":"F32","shape":[64,3,3,3],"data_offsets":[0,6912]},"features.0.bias":{"dtype":"F32","shape":[64],"data_offsets":[6912,7168]}});
  srand(11); binmode STDOUT; print pack("Q<", length $h), $h, pack("f<*", map { (rand() - 0.5) / 5 } 1 .. 1792)' >"$work/weights.safetensors"
"$EXTRACTOR" model import "$work/weights.safetensors" --arch vgg11 --preset keras --layer block1_pool --out "$work/wide.onnx" >"$work/logs/import"
"$EXTRACTOR" demo-data "$work/pictures" --per-class $((pictures / 2)) >"$work/logs/demo-data"
options=("$work/pictures" --model "$work/wide.onnx" --device cpu --threads 1 --batch 2)

say "One run"
"$EXTRACTOR" extract "${options[@]}" --out "$work/one" --json >"$work/logs/one" 2>&1

# --- The array ----------------------------------------------------------------------------------------------------------------

cache=$work/cache
submit() {
  sbatch --parsable --array="$1" --cpus-per-task=1 --mem=500M --chdir="$work/logs" \
    "$root/scripts/slurm-extract.sbatch" "$shards" "${options[@]}" --out "$cache" --json
}
# A field of a task as Slurm knows it: state JOB_TASK JobState
state() { scontrol -o show job "$1" 2>/dev/null | tr ' ' '\n' | sed -n "s/^$2=//p" | head -n 1; }
is() { [[ $(state "$1" JobState) == "$2" ]]; }
has_part() { compgen -G "$cache/part-$1-of-$shards-*.parquet" >/dev/null; }
process_of() { sed -n 's/.*"processId": *\([0-9]*\).*/\1/p' "$cache/.lock-holder-$1-of-$shards.json"; }
# What the last attempt of a task took from the cache.
reused() { sed -n 's/.*"reused":\([0-9]*\).*/\1/p' "$work/logs/extract-$1_$2.log" | tail -n 1; }

job=$(submit 0-$((shards - 1)))
say "Job $job, tasks 0 to $((shards - 1))"

until_true "task 1 writes its first part" has_part 1
scontrol requeue "${job}_1" || fail "task 1 could not be requeued."
say "Task 1 requeued in its middle"

until_true "task 2 writes its first part" has_part 2
kill -9 "$(process_of 2)" || fail "task 2 ended before it could be killed."
until_true "task 2 counts as failed" is "${job}_2" FAILED
say "Task 2 killed in its middle; Slurm: $(state "${job}_2" JobState), exit code and signal $(state "${job}_2" ExitCode)"
scontrol requeue "${job}_2" || fail "task 2 could not be requeued."

for ((i = 0; i < shards; i++)); do
  until_true "task $i is completed" is "${job}_$i" COMPLETED
  say "Task $i completed after $(state "${job}_$i" Restarts) restarts, $(reused "$job" "$i") rows taken over"
done
[[ $(state "${job}_1" Restarts) == 1 ]] || fail "task 1 was not started again."
for i in 1 2; do
  (($(reused "$job" "$i") > 0)) || fail "task $i began anew, instead of going on where it was stopped."
done

# Slurm now says that there is one task. Nothing may follow from that.
again=$(submit 2)
until_true "task 2, submitted alone, is completed" is "${again}_2" COMPLETED
grep -q '"computed":0,' "$work/logs/extract-${again}_2.log" || fail "task 2, submitted alone, computed something again."
say "Task 2, submitted alone, found nothing to do"

# --- What came of it ----------------------------------------------------------------------------------------------------------

"$EXTRACTOR" cache verify "$cache" --json >"$work/logs/verify" || fail "the cache is damaged."
rows=$("$EXTRACTOR" cache info "$cache" --json | sed -n 's/.*"rows": *\([0-9]*\).*/\1/p')
[[ $rows == "$pictures" ]] || fail "the cache has $rows rows instead of $pictures."
# A run over everything finds each picture with its bytes, its label and its split, and nothing else.
"$EXTRACTOR" extract "${options[@]}" --out "$cache" --json >"$work/logs/all" 2>&1
grep -q "\"computed\":0,\"reused\":$pictures,\"moved\":0,\"duplicates\":0,\"removed\":0," "$work/logs/all" || fail "the four shards are not the whole picture set: $(cat "$work/logs/all")"
say "The cache of the array is whole and complete: $rows rows"
