#pragma once

#include "reconcile/verb.h"

#include <string_view>

namespace everseal::reconcile {

struct InitRequest {
  std::string_view
      sample_config;  // the commented sample; where its state is another than the host's, that line is changed
};
// Makes what is missing of the state directory, its database, and the main config file where the host names one. What
// exists is left as it is.
Verdict init(const Host& host, const InitRequest& request);

extern const Verb init_verb;

}  // namespace everseal::reconcile
