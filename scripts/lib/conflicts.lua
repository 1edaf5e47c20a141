-- The world does not wait for a script: meanwhile the job was taken, or the offer withdrawn.
local conflicts = {}

-- Calls f(...). False when the Job Router answers 409, which says that what was to be changed is not in that
-- state any more; then there is nothing left to do. Every other error is raised, and the run is tried again, or
-- parked.
function conflicts.tolerate(f, ...)
  local is_done, problem = pcall(f, ...)
  if not is_done and problem.status ~= 409 then
    error(problem, 0)
  end
  return is_done
end

return conflicts
