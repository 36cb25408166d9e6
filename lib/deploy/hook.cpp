#include "deploy/hook.h"

#include "base/error.h"
#include "base/file.h"

#include <fmt/format.h>
#include <unistd.h>

namespace everseal::deploy {
namespace {

// Run as root, a program that somebody else can change hands root to them.
void require_trusted(const Hook& hook) {
  if (::geteuid() != 0) return;
  if (const auto program = base::find_executable(hook.argv.front())) base::require_trusted(*program);
}

}  // namespace

Hook read_hook(const base::Options& options, std::string_view command) {
  Hook hook{
      .argv = options.strings(command), .user = {}, .timeout = options.duration("timeout").value_or(base::Seconds(60))};
  if (options.has("user")) hook.user = options.string("user");
  return hook;
}

std::string objection(const Hook& hook) {
  if (hook.argv.empty()) return {};
  try {
    require_trusted(hook);
    return {};
  } catch (const base::Error& error) {
    return error.message();
  }
}

base::Exit run(const Hook& hook, Environment environment, std::stop_token stop) {
  require_trusted(hook);
  const base::Command command{.argv = hook.argv,
                              .environment = std::move(environment),
                              .user = hook.user,
                              .input = {},
                              .timeout = hook.timeout};
  return base::run(command, std::move(stop));
}

}  // namespace everseal::deploy
