#include "version.h"

#include "base/text.h"
#include "command.h"
#include "terminal.h"

#include <fmt/format.h>

namespace everseal::cli {
namespace {

int run_version(Context& context) {
  if (context.output == Output::json)
    print_document(fmt::format("{{\n  \"version\": {}\n}}\n", base::json_string(kVersion)));
  else
    print(fmt::format("everseal {}\n", kVersion));
  return 0;
}

}  // namespace

extern const Command version_command;
const Command version_command{"version", Group::care, "say which version this is", "Also: everseal --version",
                              {},        run_version};

}  // namespace everseal::cli
