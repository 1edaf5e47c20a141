-- Who calls? crm.lookup is the operation of ../crm.c; its answer is journaled like that of any other.
return function(event)
  local phone = event.data.labels and event.data.labels.Phone
  local customer = phone and crm.lookup { phone = phone }
  if not customer then
    log.info "nobody we know"
    return
  end
  log.info(customer.name .. " calls", { tier = customer.tier })
  return customer
end
