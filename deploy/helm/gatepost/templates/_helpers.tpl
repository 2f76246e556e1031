{{- define "gatepost.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 50 | trimSuffix "-" -}}
{{- end }}

{{/* The name of everything: the release's, with the chart's unless it is in there already. */}}
{{- define "gatepost.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else if contains (include "gatepost.name" .) .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "gatepost.name" .) | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end }}

{{- define "gatepost.selector" -}}
app.kubernetes.io/name: {{ include "gatepost.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: gateway
{{- end }}

{{- define "gatepost.redisSelector" -}}
app.kubernetes.io/name: {{ include "gatepost.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: redis
{{- end }}

{{- define "gatepost.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- end }}

{{/* Whether notes about deleted messages are kept in Redis, our own or another. */}}
{{- define "gatepost.usesRedis" -}}
{{- if ne .Values.retention.type "client" }}yes{{ end -}}
{{- end }}

{{- define "gatepost.ownRedis" -}}
{{- if and (include "gatepost.usesRedis" .) .Values.redis.enabled }}yes{{ end -}}
{{- end }}

{{- define "gatepost.graceSeconds" -}}
{{- with .Values.drain -}}
{{- add (int .preStopSeconds) (int .drainSeconds) (int .marginSeconds) -}}
{{- end -}}
{{- end }}

{{/* A listener of the configuration. */}}
{{- define "gatepost.listener" -}}
{{- $listener := dict "name" .name "address" .address "tls" .tls -}}
{{- if include "gatepost.usesRedis" .root }}
{{- $_ := set $listener "retention" "deletion" -}}
{{- end -}}
{{- if .root.Values.proxyProtocol.enabled }}
{{- $_ := set $listener "proxy_protocol" true -}}
{{- $_ := set $listener "trusted_networks" (required "proxyProtocol.trustedNetworks: say where the balancer is" .root.Values.proxyProtocol.trustedNetworks) -}}
{{- end -}}
{{- toJson $listener -}}
{{- end }}

{{/* Writes one map over another. mergeOverwrite would leave out what is empty, as in control: "". */}}
{{- define "gatepost.overlay" -}}
{{- range $key, $value := .over -}}
{{- if and (kindIs "map" $value) (kindIs "map" (get $.under $key)) -}}
{{- include "gatepost.overlay" (dict "under" (get $.under $key) "over" $value) -}}
{{- else -}}
{{- $_ := set $.under $key $value -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/* gatepost.json: what the values say, and .Values.config over it. */}}
{{- define "gatepost.config" -}}
{{- $listeners := list -}}
{{- if .Values.service.pop3s.enabled -}}
{{- $listeners = append $listeners (include "gatepost.listener" (dict "root" . "name" "pop3s" "address" ":1995" "tls" "implicit") | fromJson) -}}
{{- end -}}
{{- if .Values.service.pop3.enabled -}}
{{- $listeners = append $listeners (include "gatepost.listener" (dict "root" . "name" "pop3" "address" ":1110" "tls" "starttls") | fromJson) -}}
{{- end -}}
{{- $tls := dict "certificate" "/tls/tls.crt" "key" "/tls/tls.key" -}}
{{- if .Values.tls.extraSecretNames -}}
{{- $_ := set $tls "certificate_folders" (list "/tls-extra") -}}
{{- end -}}
{{- if .Values.ticketKeys.secretName -}}
{{- $_ := set $tls "ticket_key_file" (printf "/keys/tickets/%s" .Values.ticketKeys.key) -}}
{{- end -}}
{{- $config := dict
      "workers" (int .Values.workers)
      "listeners" $listeners
      "tls" $tls
      "timeouts" (dict "drain" (printf "%ds" (int .Values.drain.drainSeconds)))
      "limits" (dict "connections" 5000 "memory" "64MiB")
      "admin" (dict "address" ":9110" "control" "/run/gatepost/control")
      "log" (dict "format" "json") -}}
{{- if .Values.upstream.servers -}}
{{- $_ := set $config "upstream" (dict "servers" .Values.upstream.servers "tls" .Values.upstream.tls) -}}
{{- else if not (or .Values.config.pools .Values.config.upstream) -}}
{{- fail "upstream.servers: name the POP3 servers, for instance --set 'upstream.servers={pop3.mail.svc.cluster.local}'" -}}
{{- end -}}
{{- if include "gatepost.usesRedis" . -}}
{{- $policy := dict "name" "deletion" "type" .Values.retention.type -}}
{{- if has .Values.retention.type (list "keep_for" "delete_after_retrieval") -}}
{{- $_ := set $policy "period" .Values.retention.period -}}
{{- end -}}
{{- if eq .Values.retention.type "keep_for" -}}
{{- $_ := set $policy "count_from" .Values.retention.countFrom -}}
{{- end -}}
{{- $store := dict "type" "redis" -}}
{{- if .Values.redis.enabled -}}
{{- $_ := set $store "address" (printf "%s-redis" (include "gatepost.fullname" .)) -}}
{{- else -}}
{{- $_ := set $store "address" (required "redis.address: say where your Redis is, or set redis.enabled" .Values.redis.address) -}}
{{- $_ := set $store "tls" .Values.redis.tls -}}
{{- end -}}
{{- if .Values.redis.passwordSecretName -}}
{{- $_ := set $store "password_file" (printf "/keys/redis/%s" .Values.redis.passwordKey) -}}
{{- end -}}
{{- $_ := set $config "retention" (dict
      "policies" (list $policy)
      "store" $store
      "key_file" (printf "/keys/retention/%s" .Values.retention.key)) -}}
{{- end -}}
{{- if .Values.spool.enabled -}}
{{- $_ := set $config "spool" (dict "folder" "/var/spool/gatepost") -}}
{{- end -}}
{{- if hasKey (default dict .Values.config.timeouts) "drain" -}}
{{- fail "config.timeouts.drain: set drain.drainSeconds, which terminationGracePeriodSeconds goes by" -}}
{{- end -}}
{{- include "gatepost.overlay" (dict "under" $config "over" .Values.config) -}}
{{- toPrettyJson $config -}}
{{- end }}
