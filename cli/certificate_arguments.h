// The options of `issue`, turned into what a config file would have said.
#pragma once

#include "command.h"
#include "pki/csr.h"
#include "reconcile/verbs/issue.h"

namespace everseal::cli {

// What the options name, and nothing else. With `csr`, identifiers default to what it asks for. Error(usage) for each
// rule broken.
reconcile::IssueRequest issue_request(const Context& context, const pki::Csr* csr);

// "a.example.org", "10.0.0.1", "a@example.org", "spiffe://example.org/a", and "uri:https://example.org/a" where a URL
// is meant as a name. Error(usage).
pki::Identifier identifier_argument(std::string_view text);

// The words of a command that is run without a shell. Error(usage) for what only a shell understands.
std::vector<std::string> command_argument(std::string_view text, std::string_view option);

}  // namespace everseal::cli
