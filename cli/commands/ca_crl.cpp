#include "authority/crl.h"
#include "command.h"
#include "reconcile/reconcile.h"
#include "reconcile/session.h"

#include <fmt/format.h>

namespace everseal::cli {
namespace {

constexpr Argument kArguments[] = {{.name = "NAME", .summary = "the authority", .required = true}};

int run(Context& context) {
  const reconcile::Host host = context.host();
  reconcile::Run run(host);
  reconcile::Session session = run.session();
  const base::Name name = name_argument(context, "NAME", "authority name");
  authority::refresh_crl(session.authority(name), host.clock());
  reconcile::Verdict verdict = reconcile::reconcile_authority(run, name);
  const auto crl = session.newest_crl(name);
  verdict.outcomes.insert(verdict.outcomes.begin(),
                          {reconcile::authority_subject(name),
                           {},
                           "crl",
                           reconcile::Result::done,
                           fmt::format("CRL {} is valid until {}", crl->number, base::format_time(crl->next_update))});
  return show(context, verdict);
}

}  // namespace

extern const Command ca_crl_command;
const Command ca_crl_command{"ca crl",
                             Group::authority,
                             "sign a fresh CRL and publish it, now",
                             "`everseal renew` does this by itself when half of the CRL's life is over.",
                             kArguments,
                             run};

}  // namespace everseal::cli
