-- Argo CD's verdict on a FlinkTFJob. Healthy means: it runs, or it has succeeded.
local function verdict(status, message)
  return { status = status, message = message }
end

local status = obj.status or {}
if status.observedGeneration ~= obj.metadata.generation then
  return verdict("Progressing", "the operator has not seen this version of the job yet")
end

local conditions = {}
for _, condition in ipairs(status.conditions or {}) do
  if condition.status == "True" then
    conditions[condition.type] = condition
  elseif condition.type == "RolesHealthy" and condition.status == "False" then
    conditions.RolesSick = condition
  end
end

-- In this order: a job may be Failed and Stalled at once, or run on while a change of it is Stalled.
local order = {
  { "Failed", "Degraded" },
  { "Stalled", "Degraded" },
  { "Succeeded", "Healthy" },
  { "Suspended", "Suspended" },
  { "Reconciling", "Progressing" },
  -- A role that failed is being restarted: not well, but nobody has to act.
  { "RolesSick", "Progressing" },
  { "Ready", "Healthy" },
}
for _, pair in ipairs(order) do
  local condition = conditions[pair[1]]
  if condition then
    return verdict(pair[2], condition.message)
  end
end
return verdict("Progressing", "phase " .. (status.phase or "unknown"))
