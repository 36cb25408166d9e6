// Contents and their troubles, for people and for programs.
#pragma once

#include "audit/finding.h"
#include "inspect/contents.h"
#include "inspect/diagnose.h"
#include "report/json.h"

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace everseal::cli {

// `width`: columns of the terminal; absent: lines are as long as they are.
std::string inspection_text(const Contents& contents, std::span<const Trouble> troubles, base::Time now,
                            std::optional<std::size_t> width);
// schema/output/inspect.schema.json
std::string inspection_json(const Contents& contents, std::span<const Trouble> troubles);

// Members of a finding of the audit, likewise.
void write_finding(report::JsonWriter& json, const audit::Finding& finding);
// Members of a certificate, as inspection_json has them, into the object that is open.
void write_certificate(report::JsonWriter& json, const pki::Certificate& certificate);

}  // namespace everseal::cli
