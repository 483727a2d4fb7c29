#!/bin/bash
# Joins many devices to a realm, unattended: bash and curl, nothing else.
#
#   join.sh --server https://realm.example --cacert ca.pem --user stage --password-file stage.password \
#           --out keytabs [--jobs 16] [--http] [--wipe] < hosts.txt
#
# hosts.txt has one device a line: its host name, and behind it, apart by blanks, serial number and model where they shall be
# recorded. Empty lines and lines that begin with # do not count. Each device gets OUT/<host>.keytab and OUT/<host>.token, of mode 0600.
#
# - Run it as often as you like, also twice at a time: who has a keytab in OUT is left alone.
# - It tries until it works: what fails because the server does not answer is tried again, what the server refuses is not. Each
#   request has an id, kept in OUT/<host>.request until its answer is on the disk: a lost answer is given again, and no device
#   joins twice, provided that it is asked for within ten minutes.
# - The password is in no argument of any process and in no variable of the environment. With --wipe its file is removed when all have joined.
#
# Instead of --user and --password-file: --token-file, of "realmward token create --uses N --out FILE".
#
# Ends with 0 when all devices have joined, with 1 when some have not (standard error says which and why), with 2 when it was called wrongly.
set -euo pipefail
umask 077
export LC_ALL=C

usage() {
  echo "join.sh: $1" >&2
  sed -n '4,5s/^# *//p' "${BASH_SOURCE[0]}" >&2
  exit 2
}

server='' cacert='' user='' password_file='' token_file='' out='' jobs=16 http=false wipe=false
while (($# > 0)); do
  case $1 in
    --http) http=true && shift && continue ;;
    --wipe) wipe=true && shift && continue ;;
    --server | --cacert | --user | --password-file | --token-file | --out | --jobs) (($# > 1)) || usage "$1 wants a value" ;;
    *) usage "unknown option $1" ;;
  esac
  case $1 in
    --server) server=${2%/} ;;
    --cacert) cacert=$2 ;;
    --user) user=$2 ;;
    --password-file) password_file=$2 ;;
    --token-file) token_file=$2 ;;
    --out) out=$2 ;;
    --jobs) jobs=$2 ;;
  esac
  shift 2
done
[[ $server == https://* ]] || usage '--server must be an https address'
[[ $out != '' ]] || usage '--out is missing'
[[ $jobs =~ ^[1-9][0-9]{0,2}$ ]] || usage '--jobs is a number from 1 to 999'
secret_file=${token_file:-$password_file}
[[ $secret_file != '' && -r $secret_file ]] || usage 'the file of the password or token cannot be read'
[[ $token_file != '' || $user != '' ]] || usage '--user is missing'
[[ $cacert == '' || -r $cacert ]] || usage "$cacert cannot be read"
mkdir -p "$out"

# What curl needs to know and nobody else: in memory where there is such a folder, gone when this ends.
private=$(mktemp -d "$([[ -w /dev/shm ]] && echo /dev/shm || echo "${TMPDIR:-/tmp}")/join.XXXXXXXX")
trap 'rm -rf "$private"' EXIT
trap 'exit 130' INT TERM HUP

# A value in a configuration file of curl: backslash and quotation mark are escaped.
quoted() {
  local text=${1//\\/\\\\}
  printf '"%s"' "${text//\"/\\\"}"
}
IFS= read -r secret < "$secret_file" || [[ $secret != '' ]] || usage "$secret_file is empty"
secret=${secret%$'\r'}
{
  if [[ $token_file != '' ]]; then
    printf 'header = %s\n' "$(quoted "Authorization: Bearer $secret")"
  else
    printf 'user = %s\n' "$(quoted "$user:$secret")"
  fi
  if [[ $cacert != '' ]]; then printf 'cacert = %s\n' "$(quoted "$cacert")"; fi
} > "$private/curlrc"
unset secret

# A text as JSON has it; there are no control characters, as it was a word of a line.
json() {
  local text=${1//\\/\\\\}
  printf '"%s"' "${text//\"/\\\"}"
}

# The value of a field of an answer that is a text.
field() { sed -nE 's/.*"'"$1"'":"(([^"\\]|\\.)*)".*/\1/; t found; d; :found s/\\(.)/\1/g; p' "$2"; }

say() { echo "$1" >&2; }

# Joins one device: a line "host [serial [model]]".
join_one() {
  local host serial model
  read -r host serial model <<< "$1"
  if [[ ! $host =~ ^[A-Za-z0-9._-]+$ ]]; then
    say "$host: this is no host name"
    return 1
  fi
  local keytab=$out/$host.keytab request=$out/$host.request
  if [[ -s $keytab ]]; then
    rm -f "$request"
    return 0
  fi

  # Who runs beside us uses the same id: whoever comes first makes it.
  local id mine
  mine=$(mktemp "$private/id.XXXXXXXX")
  od -An -N16 -tx1 /dev/urandom | tr -d ' \n' > "$mine"
  if (set -o noclobber && cat "$mine" > "$request") 2> /dev/null && [[ -s $keytab ]]; then rm -f "$request"; fi
  if ! id=$(cat "$request" 2> /dev/null); then
    # It was taken away because the keytab has come meanwhile.
    [[ -s $keytab ]]
    return
  fi
  local body="{\"host\":$(json "$host"),\"http\":$http,\"requestId\":\"$id\""
  [[ $serial == '' ]] || body+=",\"serial\":$(json "$serial")"
  [[ $model == '' ]] || body+=",\"model\":$(json "$model")"
  body+='}'

  local answer wait=1 status code
  answer=$(mktemp "$private/answer.XXXXXXXX")
  while true; do
    code=0
    status=$(curl --config "$private/curlrc" --silent --proto '=https' --connect-timeout 10 --max-time 60 \
      --header 'Content-Type: application/json' --data-binary @- --output "$answer" --write-out '%{http_code}' \
      "$server/v1/join" <<< "$body") || code=$?
    case $code:$status in
      0:200) break ;;
      # The server is not the one that we trust (60), or the file of its CA is unusable (77).
      60:* | 77:*)
        say "$host: the certificate of $server is not to be trusted"
        return 1
        ;;
      0:408 | 0:425 | 0:429 | 0:5??) ;;
      0:*)
        say "$host: $(field message "$answer") ($status $(field error "$answer"))"
        # A request that was refused itself has no answer to come back for; with another password there may be one.
        [[ $status == 401 || $status == 403 ]] || rm -f "$request"
        return 1
        ;;
    esac
    sleep "$wait.$((RANDOM % 10))"
    wait=$((wait < 16 ? wait * 2 : 16))
  done

  # Complete or not at all: the keytab last, as it says that all is done.
  local draft
  draft=$(mktemp "$out/.$host.XXXXXXXX")
  field token "$answer" > "$draft"
  mv "$draft" "$out/$host.token"
  draft=$(mktemp "$out/.$host.XXXXXXXX")
  field keytab "$answer" | base64 -d > "$draft"
  rm -f "$answer" "$mine"
  if [[ ! -s $draft ]]; then
    rm -f "$draft"
    say "$host: the answer has no keytab"
    return 1
  fi
  sync "$draft"
  mv "$draft" "$keytab"
  rm -f "$request"
}

export -f join_one json field say
export server out http private
failed=0
sed -E '/^[[:space:]]*(#|$)/d' | tr '\n' '\0' | xargs -0 -r -n 1 -P "$jobs" bash -c 'set -uo pipefail; join_one "$1"' join_one || failed=1
if ((failed)); then
  say 'join.sh: some devices have not joined'
  exit 1
fi
if $wipe; then shred -u "$secret_file" 2> /dev/null || rm -f "$secret_file"; fi
