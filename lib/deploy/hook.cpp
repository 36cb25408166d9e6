#include "deploy/hook.h"

#include "base/error.h"

namespace everseal::deploy {

Hook read_hook(const base::Options& options, std::string_view command) {
  Hook hook{
      .argv = options.strings(command), .user = {}, .timeout = options.duration("timeout").value_or(base::Seconds(60))};
  if (options.has("user")) hook.user = options.string("user");
  return hook;
}

base::Exit run(const Hook& hook, Environment environment, std::stop_token stop) {
  base::require_trusted_executable(hook.argv.front());
  const base::Command command{.argv = hook.argv,
                              .environment = std::move(environment),
                              .user = hook.user,
                              .input = {},
                              .timeout = hook.timeout};
  return base::run(command, std::move(stop));
}

}  // namespace everseal::deploy
