#![no_main]

skops_rs_fuzz::target!(schema, fuzz::mutate::json);
