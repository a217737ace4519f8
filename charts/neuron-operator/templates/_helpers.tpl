{{- define "neuron-operator.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "neuron-operator.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- $name := include "neuron-operator.name" . -}}
{{- ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* Name of objects without a namespace: two releases of one name in two namespaces do not meet. */}}
{{- define "neuron-operator.clusterName" -}}
{{- printf "%s-%s" .Release.Namespace (include "neuron-operator.fullname" .) | trunc 253 -}}
{{- end -}}

{{- define "neuron-operator.serviceAccountName" -}}
{{- .Values.serviceAccount.name | default (ternary (include "neuron-operator.fullname" .) "default" .Values.serviceAccount.create) -}}
{{- end -}}

{{- define "neuron-operator.selectorLabels" -}}
app.kubernetes.io/name: {{ include "neuron-operator.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "neuron-operator.labels" -}}
{{ include "neuron-operator.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "neuron-operator.registry" -}}
{{- required "images.registry is empty: leave it out for the public images, or set it to the registry that images/build.py pushed to (for example <account>.dkr.ecr.<region>.amazonaws.com)." .Values.images.registry | trimSuffix "/" -}}
{{- end -}}

{{- define "neuron-operator.image" -}}
{{- $image := .Values.images.operator -}}
{{- $name := printf "%s/%s" (include "neuron-operator.registry" .) $image.repository -}}
{{- ternary (printf "%s@%s" $name $image.digest) (printf "%s:%s" $name ($image.tag | default .Chart.AppVersion)) (ne $image.digest "") -}}
{{- end -}}

{{- define "neuron-operator.monitoringLabels" -}}
{{ include "neuron-operator.labels" . }}
{{- with .Values.monitoring.labels }}
{{ toYaml . }}
{{- end }}
{{- end -}}
