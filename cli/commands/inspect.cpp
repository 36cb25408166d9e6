#include "audit_surroundings.h"
#include "base/error.h"
#include "base/file.h"
#include "command.h"
#include "inspect/contents.h"
#include "inspect/diagnose.h"
#include "inspect/endpoint.h"
#include "inspect/show.h"
#include "inspect/tree.h"
#include "terminal.h"

#include <algorithm>

namespace everseal::cli {
namespace {

constexpr Argument kInspectArguments[] = {
    {.name = "WHAT", .summary = "HOST:PORT, a file, a directory, or - for stdin", .required = true},
    {.name = "--password-file",
     .summary = "of a PKCS#12 or encrypted key; of a directory's files, one a line",
     .value = "FILE"},
    {.name = "--sni", .summary = "the name to ask the endpoint for, and to be served", .value = "NAME"},
    {.name = "--starttls",
     .summary = "protocol before TLS, instead of what is spoken at that port; none: TLS at once",
     .value = "PROTOCOL"},
    {.name = "--env", .summary = "judge as of this environment", .value = "ENV"},
    {.name = "--policy", .summary = "judge by this one: a name, or the path of your own", .value = "POLICY"},
    {.name = "--fail-on",
     .summary = "exit 3 from this severity on: notice, warning, error (the default), critical",
     .value = "SEVERITY"},
    {.name = "--deep",
     .summary = "ask also for all that the server takes: versions, ciphers, groups; some fifty connections",
     .type = ArgumentType::flag},
    {.name = "--timeout", .summary = "longest time for one address; 10s without it", .value = "10s"},
};
constexpr std::string_view kOfEndpoints[] = {"sni", "starttls", "timeout", "deep"};
constexpr std::string_view kOfJudgements[] = {"env", "policy", "fail-on"};

void refuse(const Context& context, std::span<const std::string_view> options, std::string_view what,
            const char* instead) {
  for (const std::string_view option : options)
    if (context.arguments.has(option))
      throw base::Error(base::Fault::usage, fmt::format("--{} is for {}", option, what), instead);
}

int run_endpoint(Context& context, const std::string& what) {
  if (context.arguments.has("password-file"))
    throw base::Error(base::Fault::usage, "--password-file is for files", "an endpoint shows no private key");
  const audit::Severity from = fail_on(context);
  const InspectedEndpoint endpoint = inspect_endpoint(context, what);
  context.output == Output::json ? print_document(endpoint_json(endpoint))
                                 : print(endpoint_text(endpoint, width(Stream::output)));
  const auto failed = std::ranges::count_if(endpoint.addresses, [](const SeenAddress& one) { return !one.leaf(); });
  return exit_code_of({.has_finding = endpoint.has(from),
                       .looked = static_cast<std::int64_t>(endpoint.addresses.size()),
                       .failed = failed,
                       .not_looked = 0});
}

int run_file(Context& context, const std::string& what) {
  refuse(context, kOfEndpoints, "endpoints", "write HOST:PORT instead of a file");
  refuse(context, kOfJudgements, "endpoints and directories", "`everseal audit FILE` judges a file");
  const base::Time now = base::wall_clock();
  const Contents contents = inspect_file(what, [&](const std::string& for_what) -> std::optional<base::Secret> {
    if (const auto file = context.arguments.one("password-file")) return base::read_secret_file(*file);
    if (context.output == Output::json) return std::nullopt;
    return ask_secret(fmt::format("password of {}", for_what), Ask::once);
  });
  const std::vector<Trouble> troubles = diagnose(contents, now);
  context.output == Output::json ? print_document(inspection_json(contents, troubles))
                                 : print(inspection_text(contents, troubles, now, width(Stream::output)));
  return 0;
}

int run_inspect(Context& context) {
  const std::string what = *context.arguments.one("WHAT");
  if (is_endpoint(what)) return run_endpoint(context, what);
  if (!is_tree(what)) return run_file(context, what);
  refuse(context, kOfEndpoints, "endpoints", "write HOST:PORT instead of a directory");
  return inspect_tree(context, what);
}

}  // namespace

extern const Command inspect_command;
const Command inspect_command{
    "inspect",
    Group::inventory,
    "explain an endpoint or decode a file, and tell its trouble",
    "An endpoint is looked at by every address of its name and judged as `everseal audit` does: what is\n"
    "served and until when, who trusts it, which certificate of yours it is, what is wrong and what to\n"
    "do. Of files: certificates and chains, requests, keys (their type only), CRLs, PKCS#12, PKCS#7\n"
    "and JKS, as PEM or DER. Of directories: every file that holds certificates, judged. Nothing is recorded.\n\n"
    "  everseal inspect www.example.org:443\n"
    "  everseal inspect 10.0.0.7:8443 --sni shop.example.org\n"
    "  everseal inspect mail.example.org:25\n"
    "  everseal inspect /etc/nginx/tls/fullchain.pem\n"
    "  everseal inspect alice.p12 --password-file alice.pass\n"
    "  everseal inspect /etc/ssl/private\n\n"
    "Exit codes, but of a file: 3 a finding at or above --fail-on; 4 no such finding, but some could not\n"
    "be looked at; 1 nothing could be looked at; 2 a mistake in what was asked; 0 all is well.",
    kInspectArguments,
    run_inspect};

}  // namespace everseal::cli
