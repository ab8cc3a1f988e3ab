<?php
// A text read aloud. The manual's own PHP example breaks off after the URL; the options
// are those of its e-mail example, the body is that of the other languages.
$curl = curl_init();

curl_setopt_array($curl, array(
  CURLOPT_URL => getenv("SMSCLOUDS_HOST") . "/api/v3/voice",
  CURLOPT_RETURNTRANSFER => true,
  CURLOPT_ENCODING => "",
  CURLOPT_MAXREDIRS => 10,
  CURLOPT_TIMEOUT => 0,
  CURLOPT_FOLLOWLOCATION => true,
  CURLOPT_HTTP_VERSION => CURL_HTTP_VERSION_1_1,
  CURLOPT_CUSTOMREQUEST => "POST",
  CURLOPT_POSTFIELDS => "{ \"type\":2, \n\n\"campaign_name\":\"test api audio\", \n\n\"text\": \"hola, como estas <+B+> ? esta es una llamada blaster, tenemos tu nuevo id <+C+>\", \n\n\"recipients\":[ { \"cellphone\":\"4498752325\", \"name\":\"Jack\", \"field1\":\"52452245\" } ], \n\n\"remittent\": \"5570055780\"\n\n}\n\n",
  CURLOPT_HTTPHEADER => array(
    "Authorization: Bearer " . getenv("SMSCLOUDS_TOKEN"),
    "Accept: application/json",
    "Content-Type: application/json"
  ),
));

$response = curl_exec($curl);
curl_close($curl);
echo $response;
