#include "reconcile/verbs/issue.h"

#include "base/error.h"
#include "base/file.h"
#include "certificate_arguments.h"
#include "command.h"
#include "inventory/certificates.h"
#include "inventory/managed.h"
#include "pki/csr.h"

#include <fmt/format.h>

namespace everseal::cli {
namespace {

constexpr std::size_t kLargestCsr = 1 << 18;

constexpr Argument kArguments[] = {
    {.name = "--issuer",
     .summary = "who signs: an [issuer.NAME] or an authority; again: the next to try",
     .type = ArgumentType::values,
     .value = "NAME"},
    {.name = "-d,--domain",
     .summary = "an identifier: DNS name, IP address, e-mail or URI; again for more",
     .type = ArgumentType::values,
     .value = "ID"},
    {.name = "--as", .summary = "the certificate's name; default: the first identifier", .value = "NAME"},
    {.name = "--profile",
     .summary = "what it may be used for: server, client, peer, or one of the config",
     .value = "P"},
    {.name = "--subject", .summary = "a subject beyond the identifiers, \"O=Acme, CN=alice\"", .value = "DN"},
    {.name = "--key",
     .summary = "ecdsa-p256 (default), ecdsa-p384, rsa-2048, rsa-3072, rsa-4096, ed25519",
     .value = "TYPE"},
    {.name = "--lifetime", .summary = "how long it lives, where the issuer lets us choose", .value = "24h"},
    {.name = "--environment", .summary = "a label: prod, staging, ...", .value = "ENV"},
    {.name = "--once", .summary = "issue it now and do not keep it alive", .type = ArgumentType::flag},
    {.name = "--csr",
     .summary = "sign this CSR (PEM or DER, - for stdin); its key stays elsewhere; implies --once",
     .value = "FILE"},
    {.name = "--replace",
     .summary = "write anew, or issue again, what stands under the name already",
     .type = ArgumentType::flag},
    {.name = "--dry-run",
     .summary = "say what would be done, try it at the issuer's staging CA, change nothing",
     .type = ArgumentType::flag},
    {.name = "--deploy-dir", .summary = "write fullchain.pem and privkey.pem into this directory", .value = "DIR"},
    {.name = "--make-dir", .summary = "make that directory where it is missing", .type = ArgumentType::flag},
    {.name = "--owner", .summary = "owner of the deployed files, \"user:group\"", .value = "OWNER"},
    {.name = "--mode", .summary = "mode of the deployed key, \"0640\"", .value = "MODE"},
    {.name = "--p12", .summary = "also deploy a PKCS#12 file of this name into the directory", .value = "FILE"},
    {.name = "--password-file", .summary = "the file that holds the PKCS#12 password", .value = "FILE"},
    {.name = "--reload",
     .summary = "the command that makes the server read its files again; no shell",
     .value = "'CMD ARGS'"},
    {.name = "--verify",
     .summary = "the listener that must then serve it, HOST:PORT; again for more; none: there is none",
     .type = ArgumentType::values,
     .value = "HOST:PORT"},
};

// The CSR of --csr; nullopt without it. Read before the store is opened, as it may come from a pipe.
std::optional<pki::Csr> csr_argument(const Context& context) {
  const auto file = context.arguments.one("csr");
  if (!file) return std::nullopt;
  return base::within(*file, [&] { return pki::Csr::parse(base::read_file(*file, kLargestCsr)); });
}

int run(Context& context) {
  const reconcile::Host host = context.host();
  const std::optional<pki::Csr> csr = csr_argument(context);
  const reconcile::IssueRequest request = issue_request(context, csr ? &*csr : nullptr);
  const reconcile::IssueVerdict verdict = reconcile::issue(host, request);
  const int code = show(context, verdict);
  if (context.output == Output::json || context.quiet || request.effect == reconcile::Effect::rehearsed) return code;
  if (code == 0)
    note(fmt::format("certificate{}: {}/live/{}/\n", csr ? "" : " and key", host.state, verdict.name));
  else if (request.keep == reconcile::Keep::alive)
    note(fmt::format("`everseal renew` goes on trying; `everseal remove {}` gives it up\n", verdict.name));
  return code;
}

}  // namespace

extern const Command issue_command;
const Command issue_command{
    "issue",
    Group::certificates,
    "get a certificate now and keep it alive from now on",
    "Writes conf.d/NAME.toml, so that `everseal renew` renews it. Where NAME is kept alive already, what is named\n"
    "is changed and all else stays; the file of before is NAME.toml.bak. With --once nothing renews it: hand over\n"
    "the next one by hand, or deploy a PKCS#12 file with --deploy-dir and --p12 instead.\n\n"
    "  everseal issue --issuer corp -d www.example.org --deploy-dir /etc/nginx/tls \\\n"
    "      --reload 'systemctl reload nginx' --verify 127.0.0.1:443\n"
    "  everseal issue --issuer corp --profile client --subject CN=alice -d alice@example.org --as alice\n"
    "  everseal issue --as www.example.org -d www.example.org -d example.org\n"
    "  everseal issue --issuer corp --csr device.csr --as device-17",
    kArguments,
    run};

}  // namespace everseal::cli
