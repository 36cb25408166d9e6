// The fields of a request to issue, turned into what a config file would have said.
#pragma once

#include "reconcile/verbs/issue.h"

namespace everseal::reconcile {

std::span<const base::Option> issue_fields() noexcept;

// With a CSR, identifiers default to what it asks for. Error(usage) for each rule broken, Error(invalid) for a broken
// CSR.
IssueRequest issue_request(const base::Options& fields, const Host& host);

}  // namespace everseal::reconcile
