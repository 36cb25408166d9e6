#include "command.h"

#include "base/error.h"
#include "base/file.h"
#include "certificate_arguments.h"
#include "inventory/certificates.h"
#include "inventory/managed.h"
#include "pki/csr.h"
#include "reconcile/verbs/issue.h"

#include <fmt/format.h>

namespace everseal::cli {
namespace {

constexpr std::size_t kLargestCsr = 1 << 18;

constexpr Argument kArguments[] = {
    {.name = "--issuer", .summary = "who signs: an [issuer.NAME] or an authority; again: the next to try", .type = ArgumentType::values, .value = "NAME"},
    {.name = "-d,--domain", .summary = "an identifier: DNS name, IP address, e-mail or URI; again for more", .type = ArgumentType::values, .value = "ID"},
    {.name = "--as", .summary = "the certificate's name; default: the first identifier", .value = "NAME"},
    {.name = "--profile", .summary = "what it may be used for: server, client, peer, or one of the config", .value = "P"},
    {.name = "--subject", .summary = "a subject beyond the identifiers, \"O=Acme, CN=alice\"", .value = "DN"},
    {.name = "--key", .summary = "ecdsa-p256 (default), ecdsa-p384, rsa-2048, rsa-3072, rsa-4096, ed25519", .value = "TYPE"},
    {.name = "--lifetime", .summary = "how long it lives, where the issuer lets us choose", .value = "24h"},
    {.name = "--environment", .summary = "a label: prod, staging, ...", .value = "ENV"},
    {.name = "--once", .summary = "issue it now and do not keep it alive", .type = ArgumentType::flag},
    {.name = "--csr", .summary = "sign this CSR (PEM or DER, - for stdin); its key stays elsewhere; implies --once", .value = "FILE"},
    {.name = "--deploy-dir", .summary = "write fullchain.pem and privkey.pem into this directory", .value = "DIR"},
    {.name = "--owner", .summary = "owner of the deployed files, \"user:group\"", .value = "OWNER"},
    {.name = "--mode", .summary = "mode of the deployed key, \"0640\"", .value = "MODE"},
    {.name = "--p12", .summary = "also deploy a PKCS#12 file of this name into the directory", .value = "FILE"},
    {.name = "--password-file", .summary = "the file that holds the PKCS#12 password", .value = "FILE"},
    {.name = "--reload", .summary = "the command that makes the server read its files again; no shell", .value = "'CMD ARGS'"},
    {.name = "--verify", .summary = "the listener that must then serve it, HOST:PORT; again for more", .type = ArgumentType::values, .value = "HOST:PORT"},
};

int run(Context& context) {
  reconcile::IssueRequest request;
  const reconcile::Host host = context.host();
  if (const auto file = context.arguments.one("csr")) {
    const pki::Csr csr = base::within(*file, [&] { return pki::Csr::parse(base::read_file(*file, kLargestCsr)); });
    request.csr = csr.der;
    request.keep = reconcile::Keep::once;
    request.certificate = certificate_from_arguments(context, &csr);
  } else {
    request.certificate = certificate_from_arguments(context, nullptr);
    if (context.arguments.has("once")) request.keep = reconcile::Keep::once;
  }
  const reconcile::Verdict verdict = reconcile::issue(host, request);
  const int code = show(context, verdict);
  if (code == 0 && context.output == Output::text && !context.quiet)
    note(fmt::format("certificate and key: {}/live/{}/\n", host.state, request.certificate.name));
  if (code != 0 && !context.quiet && request.keep == reconcile::Keep::alive)
    note(fmt::format("`everseal renew` goes on trying; `everseal remove {}` gives it up\n", request.certificate.name));
  return code;
}

}  // namespace

extern const Command issue_command;
const Command issue_command{
    "issue", Group::certificates, "get a certificate now and keep it alive from now on",
    "Writes conf.d/NAME.toml, so that `everseal renew` renews it.\n\n"
    "  everseal issue --issuer corp -d www.example.org --deploy-dir /etc/nginx/tls \\\n"
    "      --reload 'systemctl reload nginx' --verify 127.0.0.1:443\n"
    "  everseal issue --issuer corp --profile client --subject CN=alice -d alice@example.org --as alice\n"
    "  everseal issue --issuer corp --csr device.csr --as device-17",
    kArguments, run};

}  // namespace everseal::cli
