# The Job Router's REST API from the shell: each request signed with the access key, as the service wants it.
# ("Sign an HTTP request", Azure Communication Services, learn.microsoft.com.) Needs curl and openssl.
# shellcheck shell=bash disable=SC2034

router_api_version=2023-11-01
router_connection_string=
router_endpoint=
router_key=
router_answer=

# router_open "endpoint=...;accesskey=..."
router_open() {
  router_connection_string=$1
  router_endpoint=${1#endpoint=}
  router_endpoint=${router_endpoint%%;*}
  router_endpoint=${router_endpoint%/}
  router_key=$(printf '%s' "${1#*accesskey=}" | openssl base64 -d -A | od -An -v -tx1 | tr -d ' \n')
}

# router_call METHOD PATH [JSON]: the answer's body is in router_answer; fails, and says why, when the service refuses.
router_call() {
  local method=$1 target="$2?api-version=$router_api_version" body=${3:-} type=application/json
  local host=${router_endpoint#*://} date hash signature status
  date=$(LC_ALL=C date -u '+%a, %d %b %Y %H:%M:%S GMT')
  hash=$(printf '%s' "$body" | openssl dgst -sha256 -binary | openssl base64 -A)
  signature=$(printf '%s\n%s\n%s;%s;%s' "$method" "$target" "$date" "$host" "$hash" |
    openssl dgst -sha256 -mac HMAC -macopt "hexkey:$router_key" -binary | openssl base64 -A)
  [[ $method != PATCH ]] || type=application/merge-patch+json
  router_answer=$(curl --silent --show-error --max-time 10 --noproxy '*' --request "$method" \
    --header "x-ms-date: $date" --header "x-ms-content-sha256: $hash" --header "Content-Type: $type" \
    --header "Authorization: HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature=$signature" \
    ${body:+--data-binary "$body"} --write-out '\n%{http_code}' "$router_endpoint$target") || return 1
  status=${router_answer##*$'\n'}
  router_answer=${router_answer%$'\n'*}
  if [[ $status != 2* ]]; then
    echo "$method $2 was answered $status: $router_answer" >&2
    return 1
  fi
}
