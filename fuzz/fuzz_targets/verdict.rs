#![no_main]

skops_rs_fuzz::target!(verdict, fuzz::mutate::file);
