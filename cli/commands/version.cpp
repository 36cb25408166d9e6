#include "command.h"
#include "terminal.h"
#include "version.h"

#include "base/text.h"

#include <fmt/format.h>

namespace everseal::cli {
namespace {

int run(Context& context) {
  if (context.output == Output::json)
    print_document(fmt::format("{{\n  \"version\": {}\n}}\n", base::json_string(kVersion)));
  else
    print(fmt::format("everseal {}\n", kVersion));
  return 0;
}

}  // namespace

extern const Command version_command;
const Command version_command{"version", Group::care, "say which version this is", "Also: everseal --version", {}, run};

}  // namespace everseal::cli
