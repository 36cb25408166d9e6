#include "base/error.h"
#include "base/file.h"
#include "command.h"
#include "inspect/contents.h"
#include "inspect/diagnose.h"
#include "inspect/show.h"
#include "terminal.h"

#include <sys/stat.h>

namespace everseal::cli {
namespace {

constexpr Argument kInspectArguments[] = {
    {.name = "WHAT", .summary = "a file, - for stdin, or HOST:PORT", .required = true},
    {.name = "--password-file", .summary = "of a PKCS#12 or encrypted key", .value = "FILE"},
    {.name = "--sni", .summary = "the name to ask the endpoint for", .value = "NAME"},
    {.name = "--starttls", .summary = "what is spoken before TLS: smtp, postgres, ... (everseal kinds)", .value = "PROTOCOL"},
};

// What exists is a file; what does not and has a port is an endpoint.
bool is_endpoint(const std::string& what) {
  struct stat status {};
  if (what == "-" || ::stat(what.c_str(), &status) == 0) return false;
  return what.find('/') == std::string::npos && what.find(':') != std::string::npos;
}

Contents look(const Context& context, const std::string& what) {
  const Arguments& arguments = context.arguments;
  if (is_endpoint(what)) {
    probe::Target target = probe::Target::parse(what);
    target.sni = arguments.one("sni").value_or("");
    target.starttls = arguments.one("starttls").value_or("");
    return inspect_capture(target, probe::probe_one(target, {}, {}, context.stop));
  }
  for (const char* option : {"sni", "starttls"}) {
    if (!arguments.has(option)) continue;
    throw base::Error(base::Fault::usage, fmt::format("--{} is for endpoints", option),
                      "write HOST:PORT instead of a file");
  }
  return inspect_file(what, [&](const std::string& for_what) -> std::optional<base::Secret> {
    if (const auto file = arguments.one("password-file")) return base::read_secret_file(*file);
    if (context.output == Output::json) return std::nullopt;
    return ask_secret(fmt::format("password of {}", for_what), Ask::once);
  });
}

int run_inspect(Context& context) {
  const base::Time now = base::wall_clock();
  const Contents contents = look(context, *context.arguments.one("WHAT"));
  const std::vector<Trouble> troubles = diagnose(contents, now);
  context.output == Output::json ? print_document(inspection_json(contents, troubles))
                                 : print(inspection_text(contents, troubles, now, width(Stream::output)));
  return contents.capture && contents.capture->outcome != probe::Outcome::complete ? 1 : 0;
}

}  // namespace

extern const Command inspect_command;
const Command inspect_command{"inspect",
                              Group::inventory,
                              "decode a file or an endpoint, explain its trouble",
                              "Certificates and chains, requests, keys (their type only), CRLs and PKCS#12,\n"
                              "as PEM or DER; or what a server shows in a TLS handshake. Nothing is recorded.\n\n"
                              "  everseal inspect /etc/nginx/tls/fullchain.pem\n"
                              "  everseal inspect alice.p12 --password-file alice.pass\n"
                              "  everseal inspect www.example.org:443\n"
                              "  everseal inspect db.internal:5432 --starttls postgres --json",
                              kInspectArguments,
                              run_inspect};

}  // namespace everseal::cli
