//! Values of the configuration: the interface `wasi:config/store`.

wit_bindgen::generate!({
    inline: "
        package wasi:config@0.2.0-rc.1;

        interface store {
            variant error { upstream(string), io(string) }
            get: func(key: string) -> result<option<string>, error>;
            get-all: func() -> result<list<tuple<string, string>>, error>;
        }

        world imports { import store; }
    ",
    world: "imports",
});

pub(crate) use wasi::config::store::get;
