// What would bring an imported certificate to its servers is proposed, and nothing is deployed by itself.
#include "importer/acme_sh.h"
#include "reconcile/import_site.h"

namespace everseal::reconcile {
namespace {

using importer::testing::AcmeShTree;
using namespace testing;

std::string text_of(const ImportSite& site, const std::string& name) {
  return std::string(
      base::as_text(base::read_file(fmt::format("{}/{}.toml", site.host.files.fragments, name), 1 << 20)));
}

// As an operator would take it: without the '#' before what is no sentence.
void accept(const ImportSite& site, const std::string& name) {
  std::string taken;
  for (const std::string& line : base::split(text_of(site, name), '\n'))
    taken += (line.starts_with('#') && !line.starts_with("# ") ? line.substr(1) : line) + "\n";
  base::write_file(fmt::format("{}/{}.toml", site.host.files.fragments, name), base::as_bytes(taken));
}

// "nginx exec [systemctl reload nginx] 127.0.0.1:443", of the config.
std::string deployments_of(const config::Certificate& certificate) {
  std::vector<std::string> texts;
  for (const config::Deployment& one : certificate.deployments) {
    std::string text = fmt::format("{} {}", one.name, one.type);
    for (const char* const option : {"directory", "command", "reload"})
      for (const auto& [name, entry] : one.options.entries())
        if (name == option) text += " " + (entry->list.empty() ? entry->text : "[\"" + base::join(entry->list, "\", \"") + "\"]");
    for (const config::VerifyTarget& target : one.verify)
      text += fmt::format(" {}{}{}", target.connect, target.sni.empty() ? "" : "/", target.sni);
    texts.push_back(std::move(text));
  }
  return base::join(texts, " | ");
}

TEST_CASE("a server that reads certbot's files gets a deployment proposed, which the config takes") {
  const struct {
    const char* what;
    std::vector<std::string> names;
    std::string parameters;
    std::string file, config;  // LIVE stands for certbot's directory of the certificate
    std::string deployments;   // none where empty
  } rows[] = {
      {"nginx, with certbot's hook",
       {"www.example.org"},
       "renew_hook = systemctl reload 'nginx.service'\n",
       "/etc/nginx/sites-enabled/www",
       "server {\n listen 443 ssl;\n ssl_certificate LIVE/fullchain.pem;\n ssl_certificate_key LIVE/privkey.pem;\n}\n",
       R"(nginx exec ["systemctl", "reload", "nginx.service"] 127.0.0.1:443)"},
      {"nginx, without a hook",
       {"*.example.org", "example.org"},
       "",
       "/etc/nginx/nginx.conf",
       "http { server {\n listen 8443 ssl;\n listen 10.0.0.5:443 ssl;\n ssl_certificate LIVE/fullchain.pem; } }\n",
       R"(nginx exec ["systemctl", "reload", "nginx"] 127.0.0.1:8443/example.org 10.0.0.5:443/example.org)"},
      {"a hook that only a shell understands",
       {"www.example.org"},
       "renew_hook = nginx -t && nginx -s reload\n",
       "/etc/nginx/nginx.conf",
       "ssl_certificate LIVE/fullchain.pem;",
       R"(nginx exec ["systemctl", "reload", "nginx"] 127.0.0.1:443)"},
      {"Apache of Red Hat",
       {"www.example.org"},
       "",
       "/etc/httpd/conf.d/ssl.conf",
       "<VirtualHost *:443>\nSSLCertificateFile LIVE/cert.pem\n</VirtualHost>\n",
       R"(apache exec ["systemctl", "reload", "httpd"] 127.0.0.1:443)"},
      {"HAProxy, which wants one file",
       {"www.example.org"},
       "",
       "/etc/haproxy/haproxy.cfg",
       "frontend x\n bind :443 ssl crt LIVE/combined.pem\n",
       R"(haproxy files /etc/haproxy/tls ["systemctl", "reload", "haproxy"] 127.0.0.1:443)"},

      {"nobody", {"www.example.org"}, "renew_hook = systemctl reload nginx\n", "", "", ""},
      {"another certificate's",
       {"www.example.org"},
       "renew_hook = systemctl reload nginx\n",
       "/etc/nginx/nginx.conf",
       "ssl_certificate LIVE2/fullchain.pem;",
       ""},
  };
  for (const auto& [what, names, parameters, file, config, deployments] : rows) {
    CAPTURE(what);
    CertbotSite site;
    site.certbot.add("www", Issued(names), "authenticator = standalone\n" + parameters);
    std::string text = config;
    for (std::size_t at = 0; (at = text.find("LIVE", at)) != std::string::npos;)
      text.replace(at, 4, site.certbot / "live/www");
    if (!file.empty()) site.tree.write("root" + file, text);
    const ImportReport looked = site.import(ImportMode::look);
    const ImportReport report = site.import();
    CHECK_MESSAGE(report.verdict.exit_code() == 0, texts_of(report));
    CHECK(report.proposals.empty() == deployments.empty());
    CHECK(looked.proposals.size() == report.proposals.size());
    for (const ImportedProposal& proposal : report.proposals) {
      CHECK(proposal.certificate.text() == "www");
      CHECK_FALSE(proposal.lines.empty());
    }
    CHECK(site.config().certificates.at(Name::parse("www")).deployments.empty());
    accept(site, "www");
    CHECK(deployments_of(site.config().certificates.at(Name::parse("www"))) == deployments);
    // What the operator has needs no proposal.
    if (!deployments.empty()) CHECK(site.import().proposals.empty());
  }
}

TEST_CASE("copies that acme.sh made for servers are proposed to be written from here") {
  ImportSite site;
  site.register_key(account_key(1));
  const AcmeShTree client;
  client.add_account("localhost/directory", account_key(1), {});
  client.add("www.example.org", Issued({"www.example.org"}),
             {{"Le_API", site.ca.directory_url()},
              {"Le_RealKeyPath", "/etc/nginx/tls/www.key"},
              {"Le_RealFullChainPath", "/etc/nginx/tls/www.pem"},
              {"Le_RealCertPath", "/srv/\"other\"/cert.pem"},
              {"Le_ReloadCmd", "service nginx force-reload"}});
  site.tree.write("root/etc/nginx/nginx.conf",
                  "server {\nlisten [::]:443 ssl;\nssl_certificate /etc/nginx/tls/www.pem;\n}\n");
  REQUIRE(site.import("acme.sh", client.path()).verdict.exit_code() == 0);
  CHECK(site.config().certificates.at(Name::parse("www.example.org")).deployments.empty());
  accept(site, "www.example.org");
  const config::Config config = site.config();
  const config::Certificate& certificate = config.certificates.at(Name::parse("www.example.org"));
  CHECK(deployments_of(certificate) == R"(nginx files /etc/nginx/tls ["service", "nginx", "force-reload"] [::1]:443 | )"
                                       R"(server files /srv/"other" ["service", "nginx", "force-reload"])");
  std::vector<std::string> files;
  for (const base::Options& item : certificate.deployments.front().options.items("contents"))
    files.push_back(item.string("content") + "=" + item.string("file"));
  CHECK(base::join(files, " ") == "privkey=www.key fullchain=www.pem");
}

}  // namespace
}  // namespace everseal::reconcile
