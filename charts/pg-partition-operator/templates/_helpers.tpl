{{/* Base of all names. */}}
{{- define "pgpartition.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimAll "-" }}
{{- end }}

{{/* At most 49 characters, so that suffixes fit. A release may have dots in its name, a Service may not. */}}
{{- define "pgpartition.fullname" -}}
{{- $name := include "pgpartition.name" . }}
{{- $full := printf "%s-%s" .Release.Name $name }}
{{- if .Values.fullnameOverride }}
{{- $full = .Values.fullnameOverride }}
{{- else if contains $name .Release.Name }}
{{- $full = .Release.Name }}
{{- end }}
{{- $full | replace "." "-" | trunc 49 | trimAll "-" }}
{{- end }}

{{- define "pgpartition.selectorLabels" -}}
app.kubernetes.io/name: {{ include "pgpartition.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end }}

{{/* Labels that only the chart sets. */}}
{{- define "pgpartition.ownLabels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "pgpartition.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{/* Labels of any object. */}}
{{- define "pgpartition.labels" -}}
{{- include "pgpartition.labelsAnd" (list . nil) }}
{{- end }}

{{/* Labels of an object with additional labels, which override commonLabels: context, labels. */}}
{{- define "pgpartition.labelsAnd" -}}
{{- include "pgpartition.ownLabels" (first .) }}
{{- with merge dict (default dict (last .)) (default dict (first .).Values.commonLabels) }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "pgpartition.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "pgpartition.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{/* Arguments of the operator. */}}
{{- define "pgpartition.args" -}}
- run
{{- with .Values.namespaces }}
- --namespaces={{ join "," . }}
{{- end }}
- {{ printf "--listen=%s" .Values.listen | quote }}
- --resync={{ .Values.resync }}
- --sessions-per-server={{ .Values.sessionsPerServer }}
- --grace={{ sub .Values.terminationGracePeriodSeconds 5 }}s
- --log-format={{ .Values.log.format }}
- {{ printf "--log=%s" .Values.log.filter | quote }}
- --lease-name={{ include "pgpartition.leaseName" . }}
- --lease-namespace={{ .Release.Namespace }}
- --lease-duration={{ .Values.leaderElection.leaseDurationSeconds }}s
- --lease-renew-deadline={{ .Values.leaderElection.renewDeadlineSeconds }}s
- --lease-retry-period={{ .Values.leaderElection.retryPeriodSeconds }}s
{{- end }}

{{- define "pgpartition.leaseName" -}}
{{- default (include "pgpartition.fullname" .) .Values.leaderElection.leaseName }}
{{- end }}

{{- define "pgpartition.image" -}}
{{- with .Values.image }}
{{- $name := ternary .repository (printf "%s/%s" .registry .repository) (empty .registry) }}
{{- if .digest }}
{{- printf "%s@%s" $name .digest }}
{{- else }}
{{- printf "%s:%s" $name (default $.Chart.AppVersion .tag) }}
{{- end }}
{{- end }}
{{- end }}

{{- define "pgpartition.subject" -}}
- kind: ServiceAccount
  name: {{ include "pgpartition.serviceAccount" . | quote }}
  namespace: {{ .Release.Namespace | quote }}
{{- end }}

{{/* Reading resources, writing their status, and emitting events. */}}
{{- define "pgpartition.rules.tables" -}}
- apiGroups: [pgpartition.dev]
  resources: [partitionedtables]
  verbs: [get, list, watch]
- apiGroups: [pgpartition.dev]
  resources: [partitionedtables/status]
  verbs: [patch]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end }}

{{/* Reading the Secrets and ConfigMaps of logins, and watching their metadata. */}}
{{- define "pgpartition.rules.credentials" -}}
- apiGroups: [""]
  resources: [secrets, configmaps]
  verbs: [get, list, watch]
{{- end }}

{{/* Whether the kinds of the Prometheus operator may be rendered: a text that is not empty. */}}
{{- define "pgpartition.prometheusKinds" -}}
{{- $there := .Capabilities.APIVersions.Has "monitoring.coreos.com/v1" }}
{{- $when := .Values.prometheus.whenMissing }}
{{- if or $there (eq $when "Render") -}}
yes
{{- else if eq $when "Fail" }}
{{- fail "prometheus: the cluster has no monitoring.coreos.com/v1, which serviceMonitor, podMonitor, and rules need: install the Prometheus operator, or set prometheus.whenMissing to Skip" }}
{{- end }}
{{- end }}

{{/* A Pod that runs the program once, as the operator: context, name, args, env. */}}
{{- define "pgpartition.testPod" -}}
{{- $ := .context }}
apiVersion: v1
kind: Pod
metadata:
  name: {{ include "pgpartition.fullname" $ }}-{{ .name }}
  namespace: {{ $.Release.Namespace | quote }}
  labels:
    {{- include "pgpartition.labels" $ | nindent 4 }}
    app.kubernetes.io/component: test
  annotations:
    helm.sh/hook: test
    helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
spec:
  restartPolicy: Never
  serviceAccountName: {{ include "pgpartition.serviceAccount" $ | quote }}
  enableServiceLinks: false
  {{- with $.Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  securityContext:
    {{- toYaml $.Values.podSecurityContext | nindent 4 }}
  containers:
    - name: {{ .name }}
      image: {{ include "pgpartition.image" $ | quote }}
      imagePullPolicy: {{ $.Values.image.pullPolicy }}
      args:
        {{- toYaml .args | nindent 8 }}
      {{- with .env }}
      env:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      resources:
        {{- toYaml $.Values.resources | nindent 8 }}
      securityContext:
        {{- toYaml $.Values.securityContext | nindent 8 }}
  {{- with $.Values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $.Values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}
