#include "command.h"

#include "base/error.h"
#include "base/file.h"
#include "inventory/events.h"
#include "inventory/store.h"
#include "sample.h"

#include <filesystem>

#include <fmt/format.h>

namespace everseal::cli {
namespace {

constexpr Argument kArguments[] = {
    {.name = "--write-config", .summary = "also write a commented config file here", .value = "FILE"},
};

int run(Context& context) {
  const reconcile::Host host = context.host();
  const base::Time now = host.clock();
  inventory::Store::create(host.state, now);
  std::string text = fmt::format("state directory {}\n", host.state);
  if (const auto file = context.arguments.one("write-config")) {
    if (std::filesystem::exists(*file))
      throw base::Error(base::Fault::exists, fmt::format("{} exists already", *file), "name another file; nothing was changed there");
    base::write_file(*file, base::as_bytes(samples().front().text), {.mode = 0644});
    text += fmt::format("config file     {}\n", *file);
  }
  if (context.output == Output::json) print(fmt::format("{{\"state\": {}}}\n", base::json_string(host.state)));
  else print(text + "next: `everseal ca init NAME` makes an internal CA, `everseal issue --help` gets a certificate\n");
  return 0;
}

}  // namespace

extern const Command init_command;
const Command init_command{"init", Group::care, "make the state directory and its database",
                           "Doing it again is harmless. Other commands that write make what is missing too.\n\n"
                           "  everseal init\n"
                           "  everseal init --write-config /etc/everseal/everseal.toml",
                           kArguments, run};

}  // namespace everseal::cli
