#pragma once

#include "config/config.h"
#include "reconcile/verb.h"

#include <optional>
#include <string>

namespace everseal::reconcile {

// alive: its fragment stands in conf.d and it is renewed from now on. once: it is issued and left alone.
enum class Keep { alive, once };
// What stands under the name already is changed by what was named, and keeps the rest; or something else takes its
// place. With Keep::once, which has nothing to keep: what differs is refused, or gets a new version.
enum class OnExisting { change, replace };
enum class Effect { carried_out, rehearsed };
enum class MissingDirectory { refused, made };

struct IssueRequest {
  IssueRequest() = default;
  // All that `certificate` says, in place of what stands under its name.
  explicit(false) IssueRequest(const config::Certificate& certificate, Keep keep = Keep::alive, base::Bytes csr = {});

  std::optional<Name> name;  // absent: made of the first identifier
  // What was named, as [certificate.NAME] says it (config/change.h). A `deploy` without a name of its own stands under
  // "files": it is the deployment that writes into that directory already, where there is one.
  base::Table options;
  Keep keep = Keep::alive;
  base::Bytes csr;  // DER of a CSR whose key lives elsewhere; only with Keep::once
  OnExisting existing = OnExisting::change;
  Effect effect = Effect::carried_out;
  MissingDirectory deploy_directory = MissingDirectory::refused;
};

struct IssueVerdict : Verdict {
  Name name;
};

// Nothing is stored of a request that is not understood, or that an authority here refuses for good:
// Error(usage/denied). Error(exists) where the name stands in another config file, where a name that nobody chose is
// that of a certificate of other identifiers, or where what was issued once under it differs, with each difference.
IssueVerdict issue(const Host& host, const IssueRequest& request);

extern const Verb issue_verb;

}  // namespace everseal::reconcile
