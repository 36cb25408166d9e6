#include "command.h"

#include "base/error.h"
#include "reconcile/verbs/deploy.h"

#include <charconv>

#include <fmt/format.h>

namespace everseal::cli {
namespace {

constexpr Argument kArguments[] = {
    {.name = "NAME", .summary = "the certificate", .required = true},
    {.name = "--to", .summary = "this version; default: the one before the version in use", .value = "VERSION"},
};

int run(Context& context) {
  reconcile::RollbackRequest request{name_argument(context, "NAME", "certificate name"), std::nullopt};
  if (const auto text = context.arguments.one("to")) {
    int number = 0;
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
    if (error != std::errc() || end != text->data() + text->size() || number < 1)
      throw base::Error(base::Fault::usage, fmt::format("--to: '{}' is not a version number", base::printable(*text)), "`everseal show NAME` lists them");
    request.to = number;
  }
  return show(context, reconcile::rollback(context.host(), request));
}

}  // namespace

extern const Command rollback_command;
const Command rollback_command{"rollback", Group::certificates, "go back to an earlier version and stay there",
                               "It stays until `everseal deploy NAME` or a newer version.", kArguments, run};

}  // namespace everseal::cli
