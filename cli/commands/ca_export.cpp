#include "base/error.h"
#include "command.h"
#include "reconcile/access.h"
#include "reconcile/ca_overview.h"

#include <fmt/format.h>

namespace everseal::cli {
namespace {

constexpr Argument kCaExportArguments[] = {
    {.name = "NAME", .summary = "the authority", .required = true},
    {.name = "--what", .summary = "bundle (default): what clients trust; chain: intermediates; crl", .value = "WHAT"},
    {.name = "--out", .summary = "the file to write; default: stdout", .value = "FILE"},
};

int run_ca_export(Context& context) {
  const base::Name name = name_argument(context, "NAME", "authority name");
  const std::string what = context.arguments.one("what").value_or("bundle");
  const auto part = reconcile::parse_ca_part(what);
  if (!part)
    throw base::Error(base::Fault::usage, fmt::format("--what: there is no '{}'", base::printable(what)),
                      "one of: bundle, chain, crl");
  inventory::Store store = reconcile::open_store(context.host(), sql::Access::read_only);
  hand_over(context, HandOver::text, base::as_bytes(reconcile::ca_part(store, name, *part)), 0644);
  return 0;
}

}  // namespace

extern const Command ca_export_command;
const Command ca_export_command{"ca export",
                                Group::authority,
                                "hand over the trust bundle, the intermediates or the CRL",
                                "  everseal ca export corp --out /usr/local/share/ca-certificates/corp.crt",
                                kCaExportArguments,
                                run_ca_export};

}  // namespace everseal::cli
