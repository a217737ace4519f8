{{/* A Grafana dashboard (schema 39), as YAML, from one of files/monitoring/dashboards.yaml: two panels in a row. */}}
{{- define "neuron-operator.dashboard" -}}
uid: neuron-operator-{{ .name }}
title: {{ .board.title | quote }}
tags: [neuron-operator]
schemaVersion: 39
editable: true
timezone: browser
refresh: 30s
time: {from: now-3h, to: now}
templating:
  list:
  - {name: datasource, label: Data source, type: datasource, query: prometheus}
  {{- range $name, $query := .board.variables }}
  - name: {{ $name }}
    type: query
    datasource: {type: prometheus, uid: "${datasource}"}
    query: {qryType: 1, query: {{ $query | quote }}, refId: {{ $name }}}
    refresh: 2
    sort: 1
    multi: true
    includeAll: true
    allValue: ".*"
    current: {text: All, value: $__all}
  {{- end }}
panels:
{{- range $index, $panel := .board.panels }}
{{- $kind := $panel.kind | default "timeseries" }}
- id: {{ add1 $index }}
  title: {{ $panel.title | quote }}
  description: {{ $panel.says | default "" | quote }}
  type: {{ $kind }}
  datasource: {type: prometheus, uid: "${datasource}"}
  gridPos: {h: 8, w: 12, "x": {{ mul 12 (mod $index 2) }}, "y": {{ mul 8 (div $index 2) }}}
  fieldConfig: {defaults: {unit: {{ $panel.unit | default "short" }}, min: 0}, overrides: []}
  targets:
  {{- range $number, $legend := keys $panel.queries | sortAlpha }}
  - refId: {{ printf "%c" (add 65 $number) }}
    datasource: {type: prometheus, uid: "${datasource}"}
    expr: {{ get $panel.queries $legend | trim | quote }}
    legendFormat: {{ $legend | quote }}
    {{- if eq $kind "table" }}
    format: table
    instant: true
    {{- end }}
  {{- end }}
{{- end }}
{{- end -}}
