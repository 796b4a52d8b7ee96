// The reverse proxy of Go's standard library: main LISTEN UPSTREAM CERTIFICATE KEY.
package main

import (
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
)

func main() {
	listen, certificate, key := os.Args[1], os.Args[3], os.Args[4]
	upstream, err := url.Parse(os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(upstream)
	// Host stays the one that the client requested. The proxy appends the client's address to X-Forwarded-For.
	direct := proxy.Director
	proxy.Director = func(request *http.Request) {
		direct(request)
		request.Header.Del("X-Forwarded-For")
		request.Header.Del("X-Forwarded-Port")
		request.Header.Set("X-Forwarded-Host", request.Host)
		request.Header.Set("X-Forwarded-Proto", "https")
	}
	log.Fatal(http.ListenAndServeTLS(listen, certificate, key, proxy))
}
