#!/usr/bin/env bash
# Tries deployment shared-key-govcloud: what its policies allow and refuse. Built by trailkey: change the config, not this file.
# It needs bash and the AWS CLI, version 1 or 2.
#
# What follows is the same for every deployment; the checks of this one stand at the end.
set -uo pipefail
umask 077

usage() {
  cat <<'END'
usage: ./verify.sh [--as WHO=PROFILE]... [--minutes N]

Tries what the policies promise, with the AWS CLI: what is to be allowed and what is to be refused. Nothing is changed, but for
the checks of a trail-maker. One line for each check: its result, its name, the statements it tries.

--as WHO=PROFILE  the AWS CLI profile of somebody: deployer/ACCOUNT, reader/NAME, administrator/NAME, break-glass/NAME. Without
                  one the role is assumed. Only with a profile: outsider/ACCOUNT, whom IAM there allows everything and whom the
                  policies do not name, trail-maker/ACCOUNT, who may create trails and buckets and does so for a moment, and
                  member/TRAIL, who sees the trail of that name, which a stack set made, in an account of its own.
--minutes N       how long a log file may take (default: 30). CloudTrail delivers within about 5 minutes, which is not guaranteed

In brackets behind a refusal is its cause: trailkey explain and docs/errors.md say more.

results: ok, FAIL, undecided (neither allowed nor refused, for a reason that the line gives), skipped (nobody to try it as)
exit codes: 0 all ok or skipped, 1 something FAILed, 2 usage or the wrong accounts, 3 something is undecided
END
}

minutes=30 profiles=''
while [ $# -gt 0 ]; do
  case $1 in
    --as | --minutes)
      if [ $# -lt 2 ]; then
        echo "verify.sh: $1 needs a value; see ./verify.sh --help" >&2
        exit 2
      fi
      if [ "$1" = --as ]; then
        if ! [[ $2 =~ ^(deployer|member|reader|administrator|break-glass|outsider|trail-maker)/[^=]+=.+$ ]]; then
          echo "verify.sh: --as $2: WHO=PROFILE is expected, such as reader/analysts=analyst" >&2
          exit 2
        fi
        profiles="$profiles$2"$'\n'
      elif [[ $2 =~ ^[0-9]+$ ]]; then
        minutes=$2
      else
        echo "verify.sh: --minutes $2: a whole number is expected" >&2
        exit 2
      fi
      shift
      ;;
    --help | -h)
      usage
      exit 0
      ;;
    *)
      echo "verify.sh: unknown argument $1; see ./verify.sh --help" >&2
      exit 2
      ;;
  esac
  shift
done

export AWS_PAGER='' AWS_DEFAULT_OUTPUT=json
poll=${TRAILKEY_POLL_SECONDS:-30}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
printf 'trailkey' >"$scratch/blob"
failed=0 open=0 key_arn='' object='' places=''
profile='' key='' secret='' token='' why=''

# report RESULT CHECK STATEMENTS TEXT
report() {
  printf '%-9s  %-32s  %s: %s\n' "$1" "$2" "$3" "$4"
  case $1 in
    FAIL) failed=$((failed + 1)) ;;
    undecided) open=$((open + 1)) ;;
  esac
}

profile_of() {
  local line
  while IFS= read -r line; do
    if [ "${line%%=*}" = "$1" ]; then
      printf '%s' "${line#*=}"
    fi
  done <<<"$profiles"
}

# become WHO ROLE: the calls that follow are made as somebody; where that is not possible `why` says so.
become() {
  profile=$(profile_of "$1") key='' secret='' token='' why=''
  if [ -n "$profile" ]; then
    return 0
  fi
  if [ -z "$2" ]; then
    why="nobody to try it as: --as $1=PROFILE"
    return 1
  fi
  if ! call "$home_region" sts assume-role --role-arn "$2" --role-session-name trailkey-verify --output text \
    --query '[Credentials.AccessKeyId, Credentials.SecretAccessKey, Credentials.SessionToken]' >"$scratch/session" 2>"$scratch/error"; then
    why="$2 cannot be assumed ($(said)); let it trust you, or give --as $1=PROFILE"
    return 2
  fi
  read -r key secret token <"$scratch/session"
  rm -f "$scratch/session"
}

# call REGION ARGUMENT...
call() (
  region=$1
  shift
  if [ -n "$profile" ]; then
    unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN
    export AWS_PROFILE=$profile
  elif [ -n "$key" ]; then
    unset AWS_PROFILE AWS_DEFAULT_PROFILE
    export AWS_ACCESS_KEY_ID=$key AWS_SECRET_ACCESS_KEY=$secret AWS_SESSION_TOKEN=$token
  fi
  exec aws --region "$region" "$@"
)

# said: the error of the last call, on one line.
said() {
  tr '\n' ' ' <"$scratch/error" | sed 's/^ *//; s/ *$//'
}

# outcome COMMAND...: allowed, refused or unclear. A dry run that is allowed ends with an error of its own:
# https://docs.aws.amazon.com/kms/latest/developerguide/testing-permissions.html
outcome() {
  if "$@" >"$scratch/answer" 2>"$scratch/error"; then
    echo allowed
  elif grep -q DryRunOperation "$scratch/error"; then
    echo allowed
  elif grep -qE 'AccessDenied|Access Denied|not authorized to perform|explicit deny|or you are not allowed to access|\(403\)' "$scratch/error"; then
    echo refused
  else
    echo unclear
  fi
}

# cause: the cause of the refusal that the last call met, as trailkey explain has it.
cause() {
  case $(said) in
    *'service control policy'*) echo denied_by_scp ;;
    *'resource control policy'*) echo denied_by_rcp ;;
    *'explicit deny in an identity-based policy'*) echo unknown ;;
    *'no identity-based policy'*) echo identity_policy_missing ;;
    *'or you are not allowed to access'* | *'no resource-based policies'*) echo key_missing_or_denied ;;
    *'resource-based policy'*) echo key_policy_does_not_allow ;;
    *'Access Denied'* | *'(403)'*) echo s3_denied_without_reason ;;
    *) echo unknown ;;
  esac
}

# allows|refuses CHECK STATEMENTS TEXT COMMAND...
allows() {
  expect allowed "$@"
}

refuses() {
  expect refused "$@"
}

expect() {
  local wanted=$1 check=$2 statements=$3 text=$4 found
  shift 4
  found=$(outcome "$@")
  case $found in
    "$wanted") report ok "$check" "$statements" "$text" ;;
    unclear) report undecided "$check" "$statements" "$text; neither allowed nor refused: $(said)" ;;
    allowed) report FAIL "$check" "$statements" "$text; it was allowed" ;;
    *) report FAIL "$check" "$statements" "$text; it was refused: $(said) [$(cause)]" ;;
  esac
}

# nobody RESULT-OF-BECOME STATEMENTS CHECK...: says of checks that there is nobody to try them as.
nobody() {
  local result=skipped statements=$2 check
  if [ "$1" -ne 1 ]; then
    result=undecided
  fi
  shift 2
  for check in "$@"; do
    report "$result" "$check" "$statements" "$why"
  done
}

# world ACCOUNT ROLE: ends the run where somebody is in another account than the config says.
world() {
  local found
  if ! become "deployer/$1" "$2"; then
    echo "verify.sh: account $1: $why [unknown]" >&2
    exit 2
  fi
  found=$(call "$home_region" sts get-caller-identity --query Account --output text 2>"$scratch/error")
  if [ "$found" != "$1" ]; then
    echo "verify.sh: deployer/$1 is in account ${found:-unknown} $(said), not in $1: is this the other environment? [key_missing_or_denied]" >&2
    exit 2
  fi
}

# key_of STACK OUTPUT REGION: sets `key_arn`, as the stack gave it out.
key_of() {
  key_arn=$(call "$3" cloudformation describe-stacks --stack-name "$1" --output text \
    --query "Stacks[0].Outputs[?OutputKey=='$2'].OutputValue | [0]" 2>"$scratch/error")
  if [ -z "$key_arn" ] || [ "$key_arn" = None ]; then
    echo "verify.sh: stack $1 gives out no $2 $(said): is it deployed? [key_missing_or_denied]" >&2
    exit 2
  fi
}

# member NAME ARN ACCOUNT ROLE REGION BUCKET PREFIX MULTI ORGANIZATION VALIDATION PARTITION SUFFIX: the trail of a stack set in
# the account of whoever tries it, which stands where the others have an asterisk.
member() {
  local account
  become "member/$1" '' || { nobody $? "the stack set" "trail/$1" "delivery/$1"; return; }
  account=$(call "$home_region" sts get-caller-identity --query Account --output text 2>"$scratch/error")
  if ! [[ $account =~ ^[0-9]{12}$ ]]; then
    report undecided "trail/$1" "the stack set" "the account is unknown: $(said)"
    return
  fi
  profiles="${profiles}deployer/$account=$profile"$'\n'
  trail "$1" "${2/:\*:/:$account:}" "$account" '' "$5" "$6" "${7/\*/$account}" "$8" "$9" "${10}" "${12}"
  other_trail "$1" "$account" "$5" "$6" "${11}" "${12}"
}

# trail NAME ARN ACCOUNT ROLE REGION BUCKET PREFIX MULTI ORGANIZATION VALIDATION [SUFFIX]
trail() {
  local name=$1 arn=$2 region=$5 bucket=$6 prefix=$7 wanted found before error deadline status
  local delivers="CloudTrailEncryptsLogs${11:-}, CloudTrailWritesLogs${11:-}"
  become "deployer/$3" "$4" || { nobody $? "the trail" "trail/$name" "delivery/$name"; return; }
  wanted=$(printf '%s\t%s\t%s\t%s\t%s' "$bucket" "$key_arn" "$8" "$9" "${10}")
  found=$(call "$region" cloudtrail get-trail --name "$arn" --output text \
    --query 'Trail.[S3BucketName, KmsKeyId, IsMultiRegionTrail, IsOrganizationTrail, LogFileValidationEnabled]' 2>"$scratch/error")
  if [ "$found" = "$wanted" ]; then
    report ok "trail/$name" "the trail" "bucket, key, Regions, organization and validation are those of the config"
  elif [ -z "$found" ]; then
    report undecided "trail/$name" "the trail" "it cannot be seen: $(said)"
  else
    report FAIL "trail/$name" "the trail" "it has ($found), not ($wanted)"
  fi
  before=$(call "$region" cloudtrail get-trail-status --name "$arn" --query LatestDeliveryTime --output text 2>/dev/null)
  deadline=$((SECONDS + minutes * 60))
  while true; do
    status=$(call "$region" cloudtrail get-trail-status --name "$arn" --query '[LatestDeliveryTime, LatestDeliveryError]' --output text 2>"$scratch/error")
    found=${status%%$'\t'*} error=${status#*$'\t'}
    if [ -n "$error" ] && [ "$error" != None ] && [ "$error" != "$status" ]; then
      report FAIL "delivery/$name" "$delivers" "the last delivery failed: $error [delivery_denied]"
      break
    fi
    if [ -n "$found" ] && [ "$found" != "$before" ] && [ "$found" != None ]; then
      report ok "delivery/$name" "$delivers" "a log file was delivered since this began"
      break
    fi
    if [ "$SECONDS" -ge "$deadline" ]; then
      report FAIL "delivery/$name" "$delivers" "no log file was delivered in $minutes minutes [delivery_denied]"
      break
    fi
    sleep "$poll"
  done
  places="$places$bucket $prefix"$'\n'
}

# newest REGION: the log file of today that came last, of any trail; of yesterday where today has none yet.
newest() {
  local day bucket prefix found
  for day in "$(date -u +%Y/%m/%d)" "$(date -u -d yesterday +%Y/%m/%d 2>/dev/null || date -u -v-1d +%Y/%m/%d)"; do
    while read -r bucket prefix; do
      found=$(call "$1" s3api list-objects-v2 --bucket "$bucket" --prefix "$prefix$day/" --output text \
        --query 'reverse(sort_by(Contents, &LastModified))[0].Key' 2>"$scratch/error" </dev/null)
      if [ -n "$found" ] && [ "$found" != None ]; then
        printf '%s' "$found"
        return
      fi
    done <<<"${places%$'\n'}"
  done
}

# other_trail NAME ACCOUNT REGION BUCKET PARTITION [SUFFIX]: a trail of another name is refused by the key and by the bucket.
other_trail() {
  local name=$1 region=$3 bucket=$4 suffix=${6:-} made throwaway found
  become "trail-maker/$2" '' || { nobody $? "CloudTrailEncryptsLogs$suffix, CloudTrailChecksAcl$suffix" "other-trail-key/$name" "other-trail-bucket/$name"; return; }
  made="trailkey-verify-$(date -u +%s)" throwaway="trailkey-verify-$2-$(date -u +%s)"
  place=(--create-bucket-configuration "LocationConstraint=$region")
  if [ "$region" = us-east-1 ]; then
    place=()
  fi
  call "$region" s3api create-bucket --bucket "$throwaway" ${place[@]+"${place[@]}"} >"$scratch/answer" 2>"$scratch/error"
  call "$region" s3api put-bucket-policy --bucket "$throwaway" --policy "{\"Version\": \"2012-10-17\", \"Statement\": [
    {\"Effect\": \"Allow\", \"Principal\": {\"Service\": \"cloudtrail.amazonaws.com\"}, \"Action\": \"s3:GetBucketAcl\", \"Resource\": \"arn:$5:s3:::$throwaway\"},
    {\"Effect\": \"Allow\", \"Principal\": {\"Service\": \"cloudtrail.amazonaws.com\"}, \"Action\": \"s3:PutObject\", \"Resource\": \"arn:$5:s3:::$throwaway/*\"}]}" >"$scratch/answer" 2>"$scratch/error"
  for found in key bucket; do
    if [ "$found" = key ]; then
      set -- "$throwaway" --kms-key-id "$key_arn"
    else
      set -- "$bucket"
    fi
    if call "$region" cloudtrail create-trail --name "$made" --s3-bucket-name "$@" >"$scratch/answer" 2>"$scratch/error"; then
      call "$region" cloudtrail delete-trail --name "$made" >/dev/null 2>&1
      report FAIL "other-trail-$found/$name" "$(statements_of_trail "$found" "$suffix")" "a trail of another name could be created; it is deleted again"
    elif grep -qE 'InsufficientEncryptionPolicy|InsufficientS3BucketPolicy' "$scratch/error"; then
      report ok "other-trail-$found/$name" "$(statements_of_trail "$found" "$suffix")" "a trail of another name is refused"
    else
      report undecided "other-trail-$found/$name" "$(statements_of_trail "$found" "$suffix")" "a trail of another name: $(said)"
    fi
  done
  call "$region" s3api delete-bucket --bucket "$throwaway" >/dev/null 2>&1
}

statements_of_trail() {
  if [ "$1" = key ]; then
    echo "CloudTrailEncryptsLogs$2, CloudTrailDescribesKey$2"
  else
    echo "CloudTrailChecksAcl$2, CloudTrailWritesLogs$2"
  fi
}

# reader NAME ROLE STATEMENT REGION BUCKET CONTEXT HOST THROUGH_S3
reader() {
  local name=$1 statement=$3 region=$4 bucket=$5 context=$6 host=$7
  become "reader/$name" "$2" || { nobody $? "$statement, DecryptLogs, GetLogs" "reader/$name"; return; }
  allows "reader-lists/$name" "${statement}ListsLogs, ListLogs" "it finds log files" \
    call "$region" s3api list-objects-v2 --bucket "$bucket" --prefix AWSLogs/ --max-items 1
  if [ -z "$object" ]; then
    object=$(newest "$region")
  fi
  if [ -z "$object" ]; then
    report undecided "reader-reads/$name" "$statement, DecryptLogs, ${statement}GetsLogs, GetLogs" "there is no log file to read yet"
  else
    allows "reader-reads/$name" "$statement, DecryptLogs, ${statement}GetsLogs, GetLogs" "it reads $object" \
      call "$region" s3api get-object --bucket "$bucket" --key "$object" "$scratch/log"
    encrypted "$name" "$region" "$bucket"
  fi
  allows "reader-validates/$name" "ValidateLogs" "it may validate log files" \
    call "$region" cloudtrail list-public-keys
  refuses "reader-encrypts/$name" "CloudTrailEncryptsLogs" "nobody but CloudTrail encrypts" \
    call "$region" kms generate-data-key --key-id "$key_arn" --key-spec AES_256 --encryption-context "aws:cloudtrail:arn=$context" --dry-run
  if [ "$8" = through-s3 ]; then
    refuses "reader-outside-s3/$name" "$statement, DecryptLogs" "it decrypts through S3 only" \
      call "$region" kms decrypt --key-id "$key_arn" --ciphertext-blob "fileb://$scratch/blob" --encryption-context "aws:cloudtrail:arn=$context" --dry-run
  fi
  refuses "reader-without-tls/$name" "OnlyTls" "nothing is sent without TLS" \
    call "$region" s3api list-objects-v2 --bucket "$bucket" --max-items 1 --endpoint-url "http://$host"
}

# encrypted NAME REGION BUCKET: a log file is encrypted with the key.
encrypted() {
  local found
  found=$(call "$2" s3api head-object --bucket "$3" --key "$object" --query '[ServerSideEncryption, SSEKMSKeyId]' --output text 2>"$scratch/error")
  if [ "$found" = "aws:kms"$'\t'"$key_arn" ]; then
    report ok "encrypted/$1" "the trail" "$object is encrypted with the key"
  elif [ -z "$found" ]; then
    report undecided "encrypted/$1" "the trail" "$object cannot be looked at: $(said)"
  else
    report FAIL "encrypted/$1" "the trail" "$object is encrypted with $found"
  fi
}

# keeper WHO ROLE STATEMENT REGION CONTEXT: who looks after the key sees it, and never uses it.
keeper() {
  local who=$1 statement=$3 region=$4 context=$5
  become "$who" "$2" || { nobody $? "$statement" "$who"; return; }
  allows "describes/$who" "$statement, AccountReadsMetadata" "it sees the key" \
    call "$region" kms describe-key --key-id "$key_arn"
  never_uses "$who" "$statement" "$region" "$context"
}

# never_uses WHO STATEMENT REGION CONTEXT
never_uses() {
  refuses "encrypts/$1" "$2" "it does not encrypt" \
    call "$3" kms generate-data-key --key-id "$key_arn" --key-spec AES_256 --encryption-context "aws:cloudtrail:arn=$4" --dry-run
  refuses "decrypts/$1" "$2" "it does not decrypt" \
    call "$3" kms decrypt --key-id "$key_arn" --ciphertext-blob "fileb://$scratch/blob" --encryption-context "aws:cloudtrail:arn=$4" --dry-run
  refuses "grants/$1" "$2" "it gives no grants" \
    call "$3" kms create-grant --key-id "$key_arn" --grantee-principal "$grantee" --operations Decrypt --dry-run
}

# sees WHO ROLE STATEMENT REGION: a deployer of a trail in another account sees the key.
sees() {
  become "$1" "$2" || { nobody $? "$3" "describes/$1"; return; }
  allows "describes/$1" "$3, DescribeKey" "it sees the key" call "$4" kms describe-key --key-id "$key_arn"
}

# outsider ACCOUNT REGION BUCKET CONTEXT OWN: whom no statement names is let in nowhere, whatever IAM allows; but in the bucket's own
# account IAM alone lets somebody list and get objects, which only the key then keeps shut.
outsider() {
  become "outsider/$1" '' || { nobody $? "no statement" "outsider/$1"; return; }
  if [ "$5" = elsewhere ]; then
    refuses "lists/outsider/$1" "no statement of the bucket policy" "it does not find log files" \
      call "$2" s3api list-objects-v2 --bucket "$3" --max-items 1
  fi
  if [ -n "$object" ]; then
    refuses "reads/outsider/$1" "no statement" "it does not read log files" \
      call "$2" s3api get-object --bucket "$3" --key "$object" "$scratch/log"
  fi
  never_uses "outsider/$1" "no statement of the key policy" "$2" "$4"
}

# instances SET ACCOUNT ROLE REGION CALL_AS: every stack of a stack set is up to date.
instances() {
  local found
  become "deployer/$2" "$3" || { nobody $? "the stack set" "stack-set/$1"; return; }
  if ! found=$(call "$4" cloudformation list-stack-instances --stack-set-name "$1" --call-as "$5" --output text \
    --query "Summaries[?Status != 'CURRENT'].[Account, Status]" 2>"$scratch/error"); then
    report undecided "stack-set/$1" "the stack set" "$(said)"
  elif [ -n "$found" ] && [ "$found" != None ]; then
    report FAIL "stack-set/$1" "the stack set" "not up to date: $(tr '\t\n' ': ' <<<"$found") [stack_set_tolerance_exceeded]"
  else
    report ok "stack-set/$1" "the stack set" "every stack is up to date"
  fi
}

# store NAME ACCOUNT ROLE REGION: an event data store takes events in, with a key.
store() {
  local found
  become "deployer/$2" "$3" || { nobody $? "the event data store" "store/$1"; return; }
  found=$(call "$4" cloudtrail list-event-data-stores --output text --query "EventDataStores[?Name=='$1'].EventDataStoreArn | [0]" 2>"$scratch/error")
  found=$(call "$4" cloudtrail get-event-data-store --event-data-store "$found" --query '[Status, KmsKeyId]' --output text 2>"$scratch/error")
  case $found in
    ENABLED$'\t'*:key/*) report ok "store/$1" "CloudTrailUsesKey" "it is enabled, and encrypted with a key" ;;
    '') report undecided "store/$1" "CloudTrailUsesKey" "$(said)" ;;
    *) report FAIL "store/$1" "CloudTrailUsesKey" "it is $found" ;;
  esac
}

# verdict: ends the run.
verdict() {
  printf '\n%s failed, %s undecided\n' "$failed" "$open"
  if [ "$failed" -gt 0 ]; then
    exit 1
  fi
  if [ "$open" -gt 0 ]; then
    exit 3
  fi
}

# This deployment.
home_region=us-gov-west-1
grantee=arn:aws-us-gov:iam::222222222222:root

world 222222222222 arn:aws-us-gov:iam::222222222222:role/Deploy
world 333333333333 arn:aws-us-gov:iam::333333333333:role/cicd/Deploy
world 444444444444 arn:aws-us-gov:iam::444444444444:role/Deploy
become deployer/222222222222 arn:aws-us-gov:iam::222222222222:role/Deploy
key_of logs-key KeyArn us-gov-west-1
trail app-trail arn:aws-us-gov:cloudtrail:us-gov-west-1:333333333333:trail/app-trail 333333333333 arn:aws-us-gov:iam::333333333333:role/cicd/Deploy us-gov-west-1 gov-logs app/AWSLogs/333333333333/CloudTrail/us-gov-west-1/ True False True
other_trail app-trail 333333333333 us-gov-west-1 gov-logs aws-us-gov
trail data-trail arn:aws-us-gov:cloudtrail:us-gov-east-1:444444444444:trail/data-trail 444444444444 arn:aws-us-gov:iam::444444444444:role/Deploy us-gov-east-1 gov-logs data/AWSLogs/444444444444/CloudTrail/us-gov-east-1/ True False True
other_trail data-trail 444444444444 us-gov-east-1 gov-logs aws-us-gov
reader siem '' ReaderSiem us-gov-west-1 gov-logs arn:aws-us-gov:cloudtrail:us-gov-west-1:333333333333:trail/app-trail s3.us-gov-west-1.amazonaws.com directly
reader athena arn:aws-us-gov:iam::333333333333:role/Athena ReaderAthena us-gov-west-1 gov-logs arn:aws-us-gov:cloudtrail:us-gov-west-1:333333333333:trail/app-trail s3.us-gov-west-1.amazonaws.com through-s3
keeper administrator/Admin arn:aws-us-gov:iam::222222222222:role/Admin 'AdministratorsManageKey, AdministratorsNeverUseKey' us-gov-west-1 arn:aws-us-gov:cloudtrail:us-gov-west-1:333333333333:trail/app-trail
keeper break-glass/Glass '' BreakGlassRepairsKey us-gov-west-1 arn:aws-us-gov:cloudtrail:us-gov-west-1:333333333333:trail/app-trail
keeper deployer/222222222222 arn:aws-us-gov:iam::222222222222:role/Deploy DeployerUpdatesKey us-gov-west-1 arn:aws-us-gov:cloudtrail:us-gov-west-1:333333333333:trail/app-trail
sees deployer/333333333333 arn:aws-us-gov:iam::333333333333:role/cicd/Deploy TrailDeployerApp us-gov-west-1
sees deployer/444444444444 arn:aws-us-gov:iam::444444444444:role/Deploy TrailDeployerData us-gov-west-1
outsider 222222222222 us-gov-west-1 gov-logs arn:aws-us-gov:cloudtrail:us-gov-west-1:333333333333:trail/app-trail own
outsider 333333333333 us-gov-west-1 gov-logs arn:aws-us-gov:cloudtrail:us-gov-west-1:333333333333:trail/app-trail elsewhere
outsider 444444444444 us-gov-west-1 gov-logs arn:aws-us-gov:cloudtrail:us-gov-west-1:333333333333:trail/app-trail elsewhere
verdict
