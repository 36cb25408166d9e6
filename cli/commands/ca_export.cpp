#include "base/error.h"
#include "base/file.h"
#include "command.h"
#include "inventory/authorities.h"

#include <fmt/format.h>

namespace everseal::cli {
namespace {

constexpr Argument kArguments[] = {
    {.name = "NAME", .summary = "the authority", .required = true},
    {.name = "--what", .summary = "bundle (default): what clients trust; chain: intermediates; crl", .value = "WHAT"},
    {.name = "--out", .summary = "the file to write; default: stdout", .value = "FILE"},
};

int run(Context& context) {
  const reconcile::Host host = context.host();
  const base::Name name = name_argument(context, "NAME", "authority name");
  const std::string what = context.arguments.one("what").value_or("bundle");
  inventory::Store store = inventory::Store::open(host.state, sql::Access::read_only, host.clock());
  inventory::Authorities authorities(store);
  if (!authorities.find(name))
    throw base::Error(base::Fault::not_found, fmt::format("there is no authority {}", name),
                      "`everseal ca list` shows them");
  std::string text;
  for (const inventory::AuthorityCertificateRecord& record : authorities.certificates(name)) {
    if (record.state == inventory::GenerationState::retired) continue;
    if (what == "bundle" && record.role == inventory::AuthorityRole::root)
      text += pki::Certificate::parse(record.der).pem();
    if (what == "chain" && record.role == inventory::AuthorityRole::intermediate)
      text += pki::Certificate::parse(record.der).pem();
    if (what == "crl" && record.role == inventory::AuthorityRole::intermediate)
      if (const auto crl = authorities.newest_crl(name, record.generation)) text += pki::crl_pem(crl->der);
  }
  if (what != "bundle" && what != "chain" && what != "crl")
    throw base::Error(base::Fault::usage, fmt::format("--what: there is no '{}'", base::printable(what)),
                      "one of: bundle, chain, crl");
  if (text.empty())
    throw base::Error(base::Fault::not_found, fmt::format("{} has no {} yet", name, what),
                      what == "crl" ? "`everseal ca crl NAME` signs one" : "");
  hand_over(context, HandOver::text, base::as_bytes(text), 0644);
  return 0;
}

}  // namespace

extern const Command ca_export_command;
const Command ca_export_command{"ca export",
                                Group::authority,
                                "hand over the trust bundle, the intermediates or the CRL",
                                "  everseal ca export corp --out /usr/local/share/ca-certificates/corp.crt",
                                kArguments,
                                run};

}  // namespace everseal::cli
