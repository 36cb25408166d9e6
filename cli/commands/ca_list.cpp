#include "command.h"
#include "inventory/authorities.h"
#include "show_rows.h"

#include <fmt/format.h>

namespace everseal::cli {
namespace {

using report::Align;
using report::Narrow;

constexpr report::Column kColumns[] = {
    {"name", "NAME", Align::left, Narrow::keep},          {"role", "ROLE", Align::left, Narrow::keep},
    {"generation", "GEN", Align::right, Narrow::keep, 1}, {"state", "STATE", Align::left, Narrow::keep},
    {"not_after", "EXPIRES", Align::left, Narrow::keep},  {"crl_next_update", "CRL UNTIL", Align::left, Narrow::keep},
    {"subject", "SUBJECT", Align::left, Narrow::cut, 2},  {"fingerprint", "FINGERPRINT", Align::left, Narrow::cut, 3}};

int run(Context& context) {
  const reconcile::Host host = context.host();
  inventory::Store store = inventory::Store::open(host.state, sql::Access::read_only, host.clock());
  inventory::Authorities authorities(store);
  const auto sink = open_sink(context);
  sink->begin("authorities", kColumns);
  for (const inventory::AuthorityRecord& authority : authorities.all()) {
    for (const inventory::AuthorityCertificateRecord& record : authorities.certificates(authority.name)) {
      const pki::Certificate certificate = pki::Certificate::parse(record.der);
      const bool signs = record.role == inventory::AuthorityRole::intermediate;
      const auto crl = signs ? authorities.newest_crl(authority.name, record.generation) : std::nullopt;
      const report::Cell cells[] = {authority.name.text(),   signs ? "intermediate" : "root",
                                    record.generation,       to_string(record.state),
                                    certificate.not_after(), crl ? report::Cell(crl->next_update) : report::Cell(),
                                    certificate.subject(),   record.fingerprint.text()};
      sink->row(cells);
    }
  }
  sink->end();
  return 0;
}

}  // namespace

extern const Command ca_list_command;
const Command ca_list_command{"ca list", Group::authority, "list the internal CAs", "", {}, run};

}  // namespace everseal::cli
