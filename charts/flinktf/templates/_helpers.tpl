{{- define "flinktf.name" -}}
{{ printf "%s-operator" (.Release.Name | trunc 54 | trimSuffix "-") }}
{{- end }}

{{- define "flinktf.serviceAccount" -}}
{{ .Values.serviceAccount.name | default (ternary (include "flinktf.name" .) "default" .Values.serviceAccount.create) }}
{{- end }}

{{/* NetworkPolicies of jobs let in pods by the first label: the operator's contract, not to be changed. */}}
{{- define "flinktf.selector" -}}
app.kubernetes.io/name: flinktf-operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "flinktf.labels" -}}
{{ include "flinktf.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: flinktf
{{- end }}

{{- define "flinktf.image" -}}
{{- with .Values.image -}}
{{ .repository }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}
{{- end }}
{{- end }}

{{/* What the operator may do in a namespace that it watches: the table of docs/kubernetes.md. */}}
{{- define "flinktf.rules" -}}
- apiGroups: [flinktf.dev]
  resources: [flinktfjobs]
  verbs: [list, watch, delete]
- apiGroups: [flinktf.dev]
  resources: [flinktfjobs/status]
  verbs: [patch]
- apiGroups: [apps]
  resources: [deployments]
  verbs: [list, watch, create, patch, delete]
- apiGroups: [""]
  resources: [pods]
  verbs: [list, watch]
- apiGroups: [""]
  resources: [services, serviceaccounts]
  verbs: [get, create, patch]
# More than the operator does itself: it gives the rights on its leader and its checkpoints to each job.
- apiGroups: [""]
  resources: [configmaps]
  verbs: [get, list, watch, create, update, patch, delete]
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, create]
- apiGroups: [rbac.authorization.k8s.io]
  resources: [roles, rolebindings]
  verbs: [get, create, patch]
- apiGroups: [networking.k8s.io]
  resources: [networkpolicies]
  verbs: [get, create, patch]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create]
{{- end }}

{{- define "flinktf.viewRules" -}}
- apiGroups: [flinktf.dev]
  resources: [flinktfjobs, flinktfjobs/status]
  verbs: [get, list, watch]
{{- end }}

{{- define "flinktf.editRules" -}}
- apiGroups: [flinktf.dev]
  resources: [flinktfjobs]
  verbs: [get, list, watch, create, update, patch, delete, deletecollection]
{{- end }}
