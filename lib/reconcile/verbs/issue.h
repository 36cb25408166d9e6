#pragma once

#include "config/config.h"
#include "reconcile/host.h"
#include "reconcile/verdict.h"

#include <string>

namespace everseal::reconcile {

// alive: its fragment is written to conf.d and it is renewed from now on. once: it is issued and left alone.
enum class Keep { alive, once };

struct IssueRequest {
  config::Certificate certificate;  // validated; issuers are names of issuers or authorities
  Keep keep = Keep::alive;
  base::Bytes csr;  // DER of a CSR whose key lives elsewhere; only with Keep::once
};

// Error(exists) where the name stands in another config file, or a different certificate was issued once under it.
Verdict issue(const Host& host, const IssueRequest& request);

}  // namespace everseal::reconcile
