-- Health of a NeuronModel or a NeuronArtifact for Argo CD (docs/gitops.md says where it goes).
local health = { status = "Progressing", message = "Waiting for the operator" }
local status = obj.status or {}
if status.observedGeneration ~= obj.metadata.generation then
  return health
end
local conditions = {}
for _, condition in ipairs(status.conditions or {}) do
  conditions[condition.type] = condition
end
local function is(name)
  return conditions[name] ~= nil and conditions[name].status == "True"
end
local ready = conditions.Ready
if ready == nil then
  return health
end
health.message = ready.reason .. ": " .. ready.message
if is("Stalled") then
  health.status = "Degraded"
elseif is("Reconciling") then
  health.status = "Progressing"
elseif status.phase == "ScaledToZero" then
  health.status = "Suspended"
elseif is("Ready") then
  health.status = "Healthy"
end
return health
