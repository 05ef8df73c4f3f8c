# What follows is the same for every deployment; the stacks of this one stand at the end.
set -euo pipefail
cd "$(dirname "$0")"

usage() {
  cat <<'END'
usage: ./deploy.sh [--plan] [--profile ACCOUNT=PROFILE]... [--bucket NAME] [--save FOLDER]

Creates or updates every stack and stack set of this folder, in order, each by a change set. A stack that is as it
should be is left alone, so it can be run again at any time. It stops at the first thing that fails.

--plan                    shows every change set and executes none
--profile ACCOUNT=PROFILE the AWS CLI profile for an account; without one the account's deployer is assumed. A profile
                          that is not the deployer hands it to CloudFormation as the role of the stack
--bucket NAME             an S3 bucket for templates over 51,200 bytes
--save FOLDER             writes the answer of describe-stacks for each stack there, as trailkey fill takes it

In brackets behind a step or a refusal is the cause of the error that it is about: trailkey explain and docs/errors.md say more.

exit codes: 0 done, 1 something failed, 2 usage, 3 a step that comes first is not done
END
}

plan='' bucket='' save='' profiles=''
while [ $# -gt 0 ]; do
  case $1 in
    --plan) plan=yes ;;
    --profile | --bucket | --save)
      if [ $# -lt 2 ]; then
        echo "deploy.sh: $1 needs a value; see ./deploy.sh --help" >&2
        exit 2
      fi
      case $1 in
        --profile)
          if ! [[ $2 =~ ^[0-9]{12}=.+$ ]]; then
            echo "deploy.sh: --profile $2: ACCOUNT=PROFILE is expected, such as 222222222222=archive" >&2
            exit 2
          fi
          profiles="$profiles$2"$'\n'
          ;;
        --bucket) bucket=$2 ;;
        --save) save=$2 ;;
      esac
      shift
      ;;
    --help | -h)
      usage
      exit 0
      ;;
    *)
      echo "deploy.sh: unknown argument $1; see ./deploy.sh --help" >&2
      exit 2
      ;;
  esac
  shift
done

export AWS_PAGER='' AWS_DEFAULT_OUTPUT=json
poll=${TRAILKEY_POLL_SECONDS:-5}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
account='' profile='' role='' key='' secret='' token='' until=0
outputs='' left='' undone=0

# fail CAUSE TEXT: ends the run; the cause is one of trailkey explain.
fail() {
  printf 'failed: %s [%s]\n' "$2" "$1" >&2
  exit 1
}

say() {
  printf '%-24s %s\n' "$1" "$2"
}

# profile_of ACCOUNT: the profile given for an account, or nothing.
profile_of() {
  local line
  while IFS= read -r line; do
    if [ "${line%%=*}" = "$1" ]; then
      printf '%s' "${line#*=}"
    fi
  done <<<"$profiles"
}

# enter ACCOUNT DEPLOYER: the calls that follow are made there. Sets `role` where CloudFormation must be handed the deployer.
enter() {
  local wanted=$1 deployer=$2 caller name
  if [ "$account" = "$wanted" ] && [ "$SECONDS" -lt "$until" ]; then
    return
  fi
  account=$wanted profile=$(profile_of "$wanted") role='' key='' secret='' token='' until=$((SECONDS + 2400))
  if ! caller=$(call us sts get-caller-identity --query Arn --output text 2>"$scratch/error"); then
    fail unknown "account $wanted: $(cat "$scratch/error")"
  fi
  name=${deployer##*/}
  # A deployer may be a pattern, as IAM has them: role/Deploy-*.
  # shellcheck disable=SC2053
  if [[ $caller == *":$wanted:assumed-role/"*/* ]] && [[ $(basename "${caller%/*}") == $name ]]; then
    return
  fi
  if [ -n "$profile" ]; then
    if [[ $caller != *":$wanted:"* ]]; then
      fail key_missing_or_denied "profile $profile is $caller, which is not in account $wanted; give the profile of that account"
    fi
    role=$deployer
  elif [[ $deployer != *[*?]* ]] && [ -n "$deployer" ]; then
    if ! call us sts assume-role --role-arn "$deployer" --role-session-name trailkey --output text \
      --query '[Credentials.AccessKeyId, Credentials.SecretAccessKey, Credentials.SessionToken]' >"$scratch/session" 2>"$scratch/error"; then
      fail key_policy_lockout "$caller cannot assume $deployer ($(cat "$scratch/error")); let its trust policy admit you (README.md says what it needs), or name a profile: --profile $wanted=PROFILE"
    fi
    read -r key secret token <"$scratch/session"
    rm "$scratch/session"
  fi
  if [[ $role == *[*?]* ]] || { [ -n "$deployer" ] && [ -z "$role$key" ]; }; then
    fail key_policy_lockout "$caller is not $deployer, a pattern that names no one role; give a profile that has taken on such a role: --profile $wanted=PROFILE"
  fi
}

# call REGION ARGUMENT...: one call of the AWS CLI in the account that was entered; `us` where the Region makes no difference.
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
  if [ "$region" = us ]; then
    region=$home_region
  fi
  exec aws --region "$region" "$@"
)

# holds TEXT COMMAND...: whether a check succeeds; TEXT is in the error of a thing that is not there. Anything else is not known.
holds() {
  local absent=$1
  shift
  if "$@" >"$scratch/answer" 2>"$scratch/error"; then
    echo yes
  elif grep -q "$absent" "$scratch/error"; then
    echo no
  else
    echo unknown
  fi
}

# before KIND ACCOUNT DEPLOYER ABOUT TEXT COMMAND: a step that comes before the first stack, checked where a call can tell.
before() {
  local kind=$1 where=$2 deployer=$3 about=$4 text=$5 command=$6 found=unknown
  if [ -n "$where" ] && { [ -n "$deployer" ] || [ -n "$(profile_of "$where")" ]; }; then
    enter "$where" "$deployer"
    case $kind in
      role-exists) found=$(holds NoSuchEntity call us iam get-role --role-name "${about##*/}") ;;
      user-exists) found=$(holds NoSuchEntity call us iam get-user --user-name "${about##*/}") ;;
      bucket-exists) found=$(holds '404' call us s3api head-bucket --bucket "${about##*:}") ;;
      trusted-access)
        if [ "$about" = member.org.stacksets.cloudformation.amazonaws.com ]; then
          found=$(holds AWSOrganizationsNotInUse call us cloudformation describe-organizations-access --query Status --output text)
          if [ "$found" = yes ] && ! grep -q '^ENABLED$' "$scratch/answer"; then
            found=no
          fi
        else
          found=$(holds AWSOrganizationsNotInUse call us organizations list-aws-service-access-for-organization --query 'EnabledServicePrincipals[].ServicePrincipal' --output text)
          if [ "$found" = yes ] && ! tr '\t' '\n' <"$scratch/answer" | grep -qxF "$about"; then
            found=no
          fi
        fi
        ;;
    esac
  fi
  case $found in
    yes) ;;
    no)
      undone=$((undone + 1))
      say 'NOT DONE' "$text"
      if [ -n "$command" ]; then
        say '' "in account $where: $command"
      fi
      ;;
    *) say 'make sure' "$text" ;;
  esac
}

# ready: ends the run where a step is not done.
ready() {
  if [ "$undone" -gt 0 ]; then
    printf 'stopped: %s of the steps that come first not done, see above; do them and run this again\n' "$undone" >&2
    exit 3
  fi
}

# filled PARAMETER=STACK.OUTPUT...: sets `parameters` for a call, from the Outputs of the stacks before.
filled() {
  local pair value
  parameters=()
  for pair in "$@"; do
    value=$(printf '%s' "$outputs" | awk -v name="${pair#*=}" '$1 == name { print $2 }')
    if [ -z "$value" ]; then
      if [ -z "$plan" ]; then
        fail stack_parameter_refused "${pair#*=} has no value: the stack gives out none"
      fi
      value=$(stand_in "${pair#*=}")
    fi
    parameters+=("ParameterKey=${pair%%=*},ParameterValue=$value")
  done
}

# body TEMPLATE DELIVERY REGION: sets `template` for a call: in the call, or through S3 where it is too large for that.
body() {
  template=(--template-body "file://$1")
  if [ "$2" = template_url ]; then
    if [ -z "$bucket" ]; then
      fail unknown "$1 is over 51,200 bytes and goes through S3: name a bucket that CloudFormation may read there with --bucket"
    fi
    call "$3" s3 cp --only-show-errors "$1" "s3://$bucket/trailkey/$1"
    template=(--template-url "https://$bucket.s3.$3.$url_suffix/trailkey/$1")
  fi
}

# stack NAME TEMPLATE ACCOUNT REGION DEPLOYER PROTECT DELIVERY [PARAMETER=STACK.OUTPUT]...
stack() {
  local name=$1 file=$2 where=$3 region=$4 deployer=$5 protect=$6 delivery=$7 status kind=UPDATE reason
  shift 7
  enter "$where" "$deployer"
  status=$(state "$region" "$name")
  case $status in
    none | REVIEW_IN_PROGRESS) kind=CREATE ;;
    ROLLBACK_COMPLETE)
      # A creation that failed: AWS lets such a stack only be deleted.
      if [ -n "$plan" ]; then
        say "$name" "would be deleted, for its creation failed, and created again"
        return
      fi
      say "$name" 'deleted, for its creation failed'
      call "$region" cloudformation delete-stack --stack-name "$name"
      settle "$region" "$name" >/dev/null
      kind=CREATE
      ;;
    *_IN_PROGRESS) fail unknown "stack $name is $status: wait until that has ended" ;;
    *_FAILED) fail stack_rollback_complete "stack $name is $status: see its events; mend it in the console, or with continue-update-rollback" ;;
  esac
  filled "$@"
  body "$file" "$delivery" "$region"
  if propose "$region" "$name" "$kind"; then
    prepared "$region" "$name"
  elif grep -q 'No updates are to be performed' "$scratch/error"; then
    changes=none
  elif grep -q AlreadyExists "$scratch/error"; then
    # An interrupted run left it behind.
    call "$region" cloudformation delete-change-set --stack-name "$name" --change-set-name "$name"
    propose "$region" "$name" "$kind" || fail unknown "stack $name: $(cat "$scratch/error")"
    prepared "$region" "$name"
  else
    fail unknown "stack $name: $(cat "$scratch/error")"
  fi
  if [ "$changes" = none ]; then
    say "$name" unchanged
  elif [ -n "$plan" ]; then
    if [ "$kind" = CREATE ]; then
      say "$name" 'would be created'
    else
      say "$name" 'would be updated'
    fi
    printf '%s\n' "$changes" | sed 's/^/                           /'
    call "$region" cloudformation delete-change-set --stack-name "$name" --change-set-name "$name"
    if [ "$status" = none ]; then
      call "$region" cloudformation delete-stack --stack-name "$name" # it holds nothing but the change set
    fi
  else
    call "$region" cloudformation execute-change-set --stack-name "$name" --change-set-name "$name"
    reason=$(settle "$region" "$name")
    case $reason in
      CREATE_COMPLETE | UPDATE_COMPLETE) say "$name" "$reason" ;;
      *)
        call "$region" cloudformation describe-stack-events --stack-name "$name" --output text \
          --query "StackEvents[?contains(ResourceStatus, 'FAILED')].[LogicalResourceId, ResourceStatusReason]" >&2 || true
        fail unknown "stack $name is $reason; what failed stands above, the first cause last: trailkey explain reads it"
        ;;
    esac
  fi
  if [ -n "$plan" ] && [ "$kind" = CREATE ]; then
    return
  fi
  finish "$region" "$name" "$protect"
}

# propose REGION NAME KIND: asks for a change set, named after its stack.
propose() {
  call "$1" cloudformation create-change-set --cli-input-json "file://cli/$2.json" --change-set-type "$3" \
    "${template[@]}" ${parameters[@]+--parameters "${parameters[@]}"} ${role:+--role-arn "$role"} >"$scratch/answer" 2>"$scratch/error"
}

# state REGION NAME: the status of a stack, or none.
state() {
  if ! call "$1" cloudformation describe-stacks --stack-name "$2" --query 'Stacks[0].StackStatus' --output text 2>"$scratch/error"; then
    if ! grep -q 'does not exist' "$scratch/error"; then
      fail unknown "stack $2: $(cat "$scratch/error")"
    fi
    echo none
  fi
}

# settle REGION NAME: waits until a stack changes no more, and says how it ended.
settle() {
  local status
  while true; do
    status=$(state "$1" "$2")
    case $status in
      *_IN_PROGRESS) sleep "$poll" ;;
      *) break ;;
    esac
  done
  printf '%s' "$status"
}

# prepared REGION NAME: waits for a change set, and sets `changes` to what it would do, or to none.
prepared() {
  local status reason
  while true; do
    status=$(call "$1" cloudformation describe-change-set --stack-name "$2" --change-set-name "$2" --query Status --output text)
    case $status in
      CREATE_PENDING | CREATE_IN_PROGRESS) sleep "$poll" ;;
      *) break ;;
    esac
  done
  if [ "$status" = FAILED ]; then
    reason=$(call "$1" cloudformation describe-change-set --stack-name "$2" --change-set-name "$2" --query StatusReason --output text)
    case $reason in
      *"didn't contain changes"* | *'No updates are to be performed'*)
        call "$1" cloudformation delete-change-set --stack-name "$2" --change-set-name "$2"
        changes=none
        return
        ;;
    esac
    # Early validation names only a hook there; the reason is an event: an older AWS CLI does not know these.
    call "$1" cloudformation describe-events --change-set-name "$2" --stack-name "$2" --filters FailedEvents=true --output text \
      --query 'OperationEvents[].[LogicalResourceId, ValidationPath, ValidationStatusReason, ResourceStatusReason]' >&2 2>/dev/null || true
    fail resource_name_exists "change set of stack $2: $reason"
  fi
  changes=$(call "$1" cloudformation describe-change-set --stack-name "$2" --change-set-name "$2" --output text \
    --query 'Changes[].ResourceChange.[Action, LogicalResourceId, ResourceType, Replacement]')
}

# finish REGION NAME PROTECT: turns termination protection on, and keeps the Outputs for the stacks that follow.
finish() {
  local found
  found=$(call "$1" cloudformation describe-stacks --stack-name "$2" --output text \
    --query "Stacks[0].[[['protected', EnableTerminationProtection]], Outputs[].[OutputKey, OutputValue] || \`[]\`][]")
  if [ "$3" = protect ] && [ -z "$plan" ] && ! grep -q '^protected.*True' <<<"$found"; then
    call "$1" cloudformation update-termination-protection --enable-termination-protection --stack-name "$2" >/dev/null
  fi
  if [ -n "$save" ]; then
    mkdir -p "$save"
    call "$1" cloudformation describe-stacks --stack-name "$2" >"$save/$2.json"
  fi
  outputs="$outputs$(printf '%s\n' "$found" | sed "s/^/$2./")"$'\n'
}

# stack_set NAME TEMPLATE ACCOUNT REGION DEPLOYER CALL_AS DELIVERY UNITS ACCOUNTS TAGS [PARAMETER=STACK.OUTPUT]...
stack_set() {
  local name=$1 file=$2 where=$3 region=$4 deployer=$5 as=$6 delivery=$7 units=$8 accounts=$9 tags=${10}
  local operation='' pair same=yes missing targets
  shift 10
  enter "$where" "$deployer"
  filled "$@"
  if call "$region" cloudformation describe-stack-set --stack-set-name "$name" --call-as "$as" --query 'StackSet.TemplateBody' --output text >"$scratch/live" 2>"$scratch/error"; then
    if [ "$(cat "$scratch/live")" != "$(cat "$file")" ]; then
      same=no
    fi
    if [ "$(call "$region" cloudformation describe-stack-set --stack-set-name "$name" --call-as "$as" \
      --query "join('|', sort(StackSet.Tags[].join('=', [Key, Value])))" --output text)" != "$tags" ]; then
      same=no
    fi
    for pair in ${parameters[@]+"${parameters[@]}"}; do
      if ! call "$region" cloudformation describe-stack-set --stack-set-name "$name" --call-as "$as" \
        --query "StackSet.Parameters[].join('', ['ParameterKey=', ParameterKey, ',ParameterValue=', ParameterValue])" --output text | tr '\t' '\n' | grep -qxF "$pair"; then
        same=no
      fi
    done
    if [ "$same" = no ] && [ -n "$plan" ]; then
      say "$name" 'stack set, would be updated'
    elif [ "$same" = no ]; then
      body "$file" "$delivery" "$region"
      operation=$(call "$region" cloudformation update-stack-set --cli-input-json "file://cli/$name.json" "${template[@]}" \
        ${parameters[@]+--parameters "${parameters[@]}"} --query OperationId --output text)
      ended "$region" "$name" "$as" "$operation" updated
    fi
  elif ! grep -q StackSetNotFound "$scratch/error"; then
    fail not_stack_set_administrator "stack set $name: $(cat "$scratch/error")"
  elif [ -n "$plan" ]; then
    say "$name" 'stack set, would be created'
    return
  else
    same=no
    body "$file" "$delivery" "$region"
    call "$region" cloudformation create-stack-set --cli-input-json "file://cli/$name.json" "${template[@]}" \
      ${parameters[@]+--parameters "${parameters[@]}"} >/dev/null
    say "$name" 'stack set created'
  fi
  missing=$(untargeted "$region" "$name" "$as" "$units" "$accounts")
  if [ -n "$missing" ] && [ -n "$plan" ]; then
    say "$name" "stack set, would go to $missing too"
  elif [ -n "$missing" ]; then
    targets="OrganizationalUnitIds=$missing"
    if [ -n "$accounts" ]; then
      targets="OrganizationalUnitIds=$units,Accounts=$missing,AccountFilterType=INTERSECTION"
    fi
    operation=$(call "$region" cloudformation create-stack-instances --cli-input-json "file://cli/$name.instances.json" \
      --deployment-targets "$targets" --query OperationId --output text)
    ended "$region" "$name" "$as" "$operation" 'stacks created'
  elif [ "$same" = yes ]; then
    say "$name" 'stack set unchanged'
  fi
}

# untargeted REGION NAME CALL_AS UNITS ACCOUNTS: those of its units, or of its listed accounts, that a stack set was not given yet.
untargeted() {
  local stacks units
  stacks=$(call "$1" cloudformation list-stack-instances --stack-set-name "$2" --call-as "$3" --query "join(' ', Summaries[].Account || \`[]\`)" --output text)
  if [ -n "$5" ]; then
    without "$5" "$stacks"
    return
  fi
  # A unit without accounts has no stacks, so what the set knows of its units counts; where it tells none, its stacks do.
  units=$(call "$1" cloudformation describe-stack-set --stack-set-name "$2" --call-as "$3" --query "join(' ', StackSet.OrganizationalUnitIds || \`[]\`)" --output text)
  if [ -n "$units" ] || [ -z "$stacks" ]; then
    without "$4" "$units"
  fi
}

# without LIST WORDS: the list, of commas, without what is among the words.
without() {
  comm -23 <(tr ',' '\n' <<<"$1" | sort -u) <(tr '[:space:]' '\n' <<<"$2" | sort -u) | paste -sd, -
}

# ended REGION NAME CALL_AS OPERATION WHAT: waits for an operation of a stack set.
ended() {
  local status
  while true; do
    status=$(call "$1" cloudformation describe-stack-set-operation --stack-set-name "$2" --call-as "$3" --operation-id "$4" --query StackSetOperation.Status --output text)
    case $status in
      RUNNING | QUEUED | STOPPING) sleep "$poll" ;;
      *) break ;;
    esac
  done
  if [ "$status" != SUCCEEDED ]; then
    call "$1" cloudformation list-stack-set-operation-results --stack-set-name "$2" --call-as "$3" --operation-id "$4" --output text \
      --query "Summaries[?Status == 'FAILED'].[Account, Region, StatusReason]" >&2 || true
    fail stack_set_tolerance_exceeded "stack set $2: the operation ended as $status; the accounts that failed stand above"
  fi
  say "$2" "stack set $5"
}

# after TEXT COMMAND: a step that a stack has made possible; all are told at the end.
after() {
  left="$left- $1"$'\n'
  if [ -n "$2" ]; then
    left="$left    $2"$'\n'
  fi
}

# rest: what is left for a person.
rest() {
  if [ -n "$left" ] && [ -z "$plan" ]; then
    printf '\nstill to be done by hand:\n%s' "$left"
  fi
}
