// What an audit saw as JSON: one form for all formats that are JSON. `schema/output/audit.schema.json` describes it.
#pragma once

#include "report/audit.h"
#include "report/audited.h"
#include "report/json.h"

namespace everseal::report {

// The member policies_of_environments of the object that is open.
void write_policies(JsonWriter& json, const std::vector<inventory::EnvironmentPolicy>& by_environment);
// Each writes one object.
void write_head(JsonWriter& json, const AuditHead& head);
// An object, or null.
void write_offer(JsonWriter& json, const std::optional<AuditedOffer>& offer);
void write_place(JsonWriter& json, const AuditedPlace& place);
void write_compared(JsonWriter& json, const AuditedPlace& place);
void write_rule(JsonWriter& json, const AuditedRule& rule);
void write_summary(JsonWriter& json, const AuditSummary& summary);

}  // namespace everseal::report
