#include "importer/references.h"

#include "importer/fixture.h"

#include <sys/stat.h>

namespace everseal::importer::testing {
namespace {

// "FILE:LINE", below the root.
std::string found_in(const Tree& root, const std::vector<std::string>& paths, const std::string& end = {}) {
  std::vector<std::string> traces;
  for (const Reference& reference : references(root.path() + end, paths)) {
    const Trace& trace = reference.trace;
    CHECK(is_printable(trace.text));
    CHECK(trace.text.size() < 1000);
    REQUIRE(trace.file.starts_with(root.path() + "/"));
    traces.push_back(fmt::format("{}:{}", trace.file.substr(root.path().size()), trace.line));
  }
  return base::join(traces, " ");
}

TEST_CASE("a line counts that names the directory or something below it") {
  const char* const accepts[] = {
      "ssl_certificate /etc/letsencrypt/live/a/fullchain.pem;",
      "  ssl_certificate_key \"/etc/letsencrypt/live/a/privkey.pem\";",
      "SSLCertificateFile '/etc/letsencrypt'",
      "include /etc/letsencrypt;",
      "bind :443 ssl crt /etc/letsencrypt/,/b",
      "set $x=/etc/letsencrypt/a",
      "load data:/etc/letsencrypt/a",
      // Others before it.
      "crt /etc/letsencrypt2 crt /mnt/etc/letsencrypt crt /etc/letsencrypt",
      "\t/etc/letsencrypt",
  };
  const char* const rejects[] = {
      "ssl_certificate /etc/letsencrypt2/a.pem;",
      "ssl_certificate /etc/letsencrypt-old/a.pem;",
      "ssl_certificate /etc/letsencrypt.bak/a.pem;",
      "ssl_certificate /etc/letsencrypt_/a.pem;",
      "ssl_certificate /mnt/etc/letsencrypt/a.pem;",
      "ssl_certificate x/etc/letsencrypt/a.pem;",
      "ssl_certificate //etc/letsencrypt/a.pem;",
      "ssl_certificate /etc/Letsencrypt/a.pem;",
      "ssl_certificate /etc;",
      "ssl_certificate letsencrypt/a.pem;",
      "# ssl_certificate /etc/letsencrypt/a.pem;",
      "   #/etc/letsencrypt",
      "",
  };
  const Tree root;
  for (const char* const line : accepts) {
    CAPTURE(line);
    root.write("etc/nginx/nginx.conf", std::string("events {}\r\n") + line + "\r\n");
    CHECK(found_in(root, {"/etc/letsencrypt"}) == "/etc/nginx/nginx.conf:2");
    CHECK(found_in(root, {"/none", "/etc/letsencrypt/"}, "/") == "/etc/nginx/nginx.conf:2");
  }
  for (const char* const line : rejects) {
    CAPTURE(line);
    root.write("etc/nginx/nginx.conf", line);
    CHECK(found_in(root, {"/etc/letsencrypt"}).empty());
  }
  root.write("etc/nginx/nginx.conf", "a /b c/d; e /f;\n");
  CHECK(found_in(root, {"/b c"}) == "/etc/nginx/nginx.conf:1");
  CHECK(found_in(root, {}).empty());
  CHECK(found_in(root, {"", "/", "relative", "e"}).empty());
}

TEST_CASE("configs of nginx, Apache and HAProxy are looked through, each file once") {
  const Tree root;
  constexpr const char* kLine = "crt /etc/letsencrypt/live/a/fullchain.pem\n";
  for (const char* const file : {"etc/nginx/sites-available/a", "etc/apache2/sites-available/a.conf", "etc/httpd/x/y/z",
                                 "etc/haproxy/haproxy.cfg", "srv/elsewhere.conf", "etc/postfix/main.cf"})
    root.write(file, kLine);
  root.link("etc/nginx/sites-enabled/a", "/etc/nginx/sites-available/a");
  root.link("etc/nginx/sites-enabled/b", "../sites-available/a");
  root.link("etc/apache2/sites-enabled/a.conf", "../sites-available/a.conf");
  // What links lead to on the host itself, and not on this one.
  root.link("etc/nginx/conf.d/elsewhere.conf", "/srv/elsewhere.conf");
  root.link("etc/nginx/loop", "loop");
  root.link("etc/nginx/up", "..");
  root.link("etc/nginx/dangling", "/none");
  root.link("etc/nginx/folder", "/srv");
  CHECK(found_in(root, {"/etc/letsencrypt"}) ==
        "/etc/apache2/sites-available/a.conf:1 /etc/haproxy/haproxy.cfg:1 /etc/httpd/x/y/z:1 "
        "/etc/nginx/sites-available/a:1 /srv/elsewhere.conf:1");
  CHECK(references("/none", {"/etc/letsencrypt"}).empty());
}

TEST_CASE("what is no config, or none that anybody could read, stops nothing") {
  const Tree root;
  const std::string line = "crt /etc/letsencrypt/a\n";
  root.write("etc/nginx/binary", std::string("\0\x1b[2J\xff /etc/letsencrypt/a\0\n", 26));
  root.write("etc/nginx/huge", line + std::string(2'000'000, 'x'));
  root.write("etc/nginx/slashes", std::string(1'000'000, '/') + "\n" + line);
  std::string pairs;
  for (int i = 0; i < 400'000; ++i) pairs += "/ ";
  root.write("etc/nginx/pairs", pairs + "\n" + line);
  REQUIRE(::mkfifo((root / "etc/nginx/pipe").c_str(), 0600) == 0);
  root.link("etc/nginx/out", "../../../../../../../../../../etc/passwd");
  CHECK(found_in(root, {"/etc/letsencrypt"}) == "/etc/nginx/binary:1 /etc/nginx/pairs:2 /etc/nginx/slashes:2");
}

TEST_CASE("many paths are looked for at once") {
  const Tree root;
  std::string config;
  std::vector<std::string> paths;
  for (int i = 0; i < 20'000; ++i) {
    paths.push_back(fmt::format("/srv/tls/{}.pem", i));
    config += fmt::format("ssl_certificate /srv/tls/{}.pem;\n", 2 * i);
  }
  root.write("etc/nginx/nginx.conf", config);
  CHECK(references(root.path(), paths).size() == 10'000);
}

}  // namespace
}  // namespace everseal::importer::testing
